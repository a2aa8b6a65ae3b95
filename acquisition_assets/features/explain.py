"""Explains a lead's channel: its class, the rule that decided it, and the field that the rule read.

The classification is left to `channels`; everything shown was published.
"""

from __future__ import annotations

from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.sections import LeadView, Row, Section
from acquisition_assets.core.words import Words, words_of
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.raw.contract import RAW_LEADS

ORGANIC = "organic"
FIELDS = {"referrer": "referrer_host"}
"""Columns of raw_leads whose name in a rule is another."""
ROOM = "features"


def section(lead: LeadView) -> Section:
    """Return why the lead has its channel."""
    row, words = lead.rows(LEAD_ACTIVITY.table)[0], words_of(ROOM, lead.locale)
    why = words(f"explain.{_channel_reason(row)}")
    parts = [
        words("explain.channel", why=why),
        words("explain.class", name=row["channel_class"], why=_rule_reason(lead, row, words)),
    ]
    if row["channel_detail"] is not None:
        parts.append(words("explain.detail", detail=sanitize(row["channel_detail"])))
    return Section(words("explain.title", channel=sanitize(row["channel"])), parts)


def _channel_reason(row: Row) -> str:
    if row["platform"] is not None:
        return "platform"
    return "source" if row["source"] != ORGANIC else "only_class"


def _rule_reason(lead: LeadView, row: Row, words: Words) -> str:
    """Return the rule in words, with the value of the field that it read where the lake has it."""
    rule, _, field = str(row["channel_rule"]).partition(".")
    key = f"rule.{rule}"
    reason = words(key) if words.has(key) else words("rule.word", word=rule)
    value = (lead.row(RAW_LEADS.table) or {}).get(FIELDS.get(field, field))
    found = f"{field} {sanitize(value)}" if value is not None else field
    return f"{reason} ({found})" if found else reason

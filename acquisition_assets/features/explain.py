"""Explains a lead's channel: its class, the rule that decided it, and the field that the rule read.

The classification is left to `channels`; everything shown was published.
"""

from __future__ import annotations

from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.sections import LeadView, Row, Section
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.raw.contract import RAW_LEADS

ORGANIC = "organic"
FIELDS = {"referrer": "referrer_host"}
"""Columns of raw_leads whose name in a rule is another."""
NETWORKS = {
    "ai_assistant": "an AI assistant",
    "ad_network": "an ad network",
    "affiliate": "an affiliate network",
    "mailbox": "a mailbox or mail service",
    "social_network": "a social network",
    "search_engine": "a search engine",
    "shopping": "a shop",
    "video": "a video site",
}
REASONS = {
    "policy": "a rule of the policy",
    "cross_network": "the campaign runs on several networks",
    "paid_medium": "the medium is paid",
    "paid_word": "the word is one of paid media",
    "paid_source": "the source is an ad product",
    "click_id": "the link carries this click id",
    "other_site": "another site",
    "direct": "the visitor came directly",
    "unknown_word": "no list knows the word",
    "nothing_known": "neither source, utm fields, click ids nor referrer say anything",
}


def section(lead: LeadView) -> Section:
    """Return why the lead has its channel."""
    row = lead.rows(LEAD_ACTIVITY.table)[0]
    parts = [f"the channel is {_channel_reason(row)}", f"class {row['channel_class']}: {_rule_reason(lead, row)}"]
    if row["channel_detail"] is not None:
        parts.append(f"detail: {sanitize(row['channel_detail'])}")
    return Section(f"Channel {sanitize(row['channel'])}", parts)


def _channel_reason(row: Row) -> str:
    if row["platform"] is not None:
        return "the social platform that the lead's fields name"
    if row["source"] != ORGANIC:
        return "the source that the source system gives"
    return "the class, as there is no platform and no source"


def _rule_reason(lead: LeadView, row: Row) -> str:
    """Return the rule in words, with the value of the field that it read where the lake has it."""
    rule, _, field = str(row["channel_rule"]).partition(".")
    reason = REASONS.get(rule) or NETWORKS.get(rule) or f"it says {rule}"
    value = (lead.row(RAW_LEADS.table) or {}).get(FIELDS.get(field, field))
    found = f"{field} {sanitize(value)}" if value is not None else field
    return f"{reason} ({found})" if found else reason

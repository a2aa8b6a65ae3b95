"""Defines the contract of the table `anomalies`, its four types and their severities.

Detection is left to `detect`, and the messages to `messages`.
"""

from __future__ import annotations

from acquisition_assets.core.contracts import Contract, Kind, Rule, column
from acquisition_assets.core.pandera_import import Check

ENGAGEMENT_DROP = "engagement_drop"
HIGH_FRAUD_RATE = "high_fraud_rate"
LEAD_GENERATION_DROP = "lead_generation_drop"
UNUSUAL_BEHAVIOR = "unusual_behavior"
# In publication order.
SEVERITIES = {
    ENGAGEMENT_DROP: "high",
    HIGH_FRAUD_RATE: "high",
    LEAD_GENERATION_DROP: "medium",
    UNUSUAL_BEHAVIOR: "medium",
}
VALUE_DECIMALS = 2
CHANGE_DECIMALS = 4
P_VALUE_DIGITS = 6

_SENT = ("daily_metrics.deliveries_sent", "daily_metrics.opened_24h")
_REFERRED = ("daily_metrics.referrals_created", "daily_metrics.referrals_fraud")
_SILENT = ("raw_events.event_type", "raw_events.occurred_at", "raw_events.is_machine")
_COUNTED = (*_SENT, *_REFERRED, "daily_metrics.new_leads")
_BY_TYPE = "percent (rates), leads per day (lead_generation_drop) or leads (unusual_behavior)"
_DROPS = f"type in ('{ENGAGEMENT_DROP}', '{LEAD_GENERATION_DROP}')"

ANOMALIES = Contract(
    table="anomalies",
    grain="One row per type of anomaly found on the day; none is a legal day.",
    key=("type",),
    previewed=("severity", "message", "recommendation"),
    columns={
        "type": column(Kind.TEXT, "What was found", Check.isin(tuple(SEVERITIES))),
        "severity": column(
            Kind.TEXT, "high for engagement_drop and high_fraud_rate, else medium", Check.isin(("high", "medium"))
        ),
        "message": column(
            Kind.TEXT, "What happened, in the language of the policy's locale; percentages with 1 decimal"
        ),
        "recommendation": column(Kind.TEXT, "What to do, in the language of the policy's locale"),
        "observed": column(
            Kind.NUMBER,
            "Seen in the window, 2 decimals: share opened in 24 hours, fraud rate, new leads per day, silent leads",
            Check.ge(0),
            unit=_BY_TYPE,
            lineage=(*_COUNTED, *_SILENT),
        ),
        "baseline": column(
            Kind.NUMBER,
            "What it is compared with, 2 decimals: the same of the days before; for high_fraud_rate the limit; "
            "null for unusual_behavior",
            Check.ge(0),
            unit=_BY_TYPE,
            nullable=True,
            lineage=(*_SENT, "daily_metrics.new_leads"),
        ),
        "seasonal_baseline": column(
            Kind.NUMBER,
            "The same of the same weekdays of the weeks before, 2 decimals; only for drops, and null where the "
            "history is short (or, for the rate, without a delivery on those days)",
            Check.ge(0),
            unit=_BY_TYPE,
            nullable=True,
            lineage=(*_SENT, "daily_metrics.new_leads"),
        ),
        "change": column(
            Kind.NUMBER,
            "observed / baseline - 1 of the unrounded values, 4 decimals: -0.35 is 35 % below; null without a baseline "
            "above 0",
            Check.ge(-1),
            unit="fraction",
            nullable=True,
            lineage=_COUNTED,
        ),
        "p_value": column(
            Kind.NUMBER,
            "How likely so large a drop is by chance, 6 significant digits: one-sided pooled two-proportion z test "
            "(engagement_drop), one-sided exact conditional Poisson comparison (lead_generation_drop); else null",
            Check.ge(0),
            Check.le(1),
            unit="probability",
            nullable=True,
            lineage=(*_SENT, "daily_metrics.new_leads"),
        ),
        "affected_leads": column(
            Kind.INTEGER,
            "Leads who were sent much and reacted to none of it; only for unusual_behavior",
            Check.ge(1),
            unit="leads",
            nullable=True,
            lineage=_SILENT,
        ),
        "window_start": column(Kind.DATE, "First business day of the window that was looked at"),
        "window_end": column(
            Kind.DATE, "Last business day of that window: the last that had ended, for engagement_drop the one before"
        ),
    },
    rules=(
        Rule(
            "severity of type",
            f"(severity = 'high') = (type in ('{ENGAGEMENT_DROP}', '{HIGH_FRAUD_RATE}'))",
            "the severity is that of the type",
        ),
        Rule("words", "trim(message) <> '' and trim(recommendation) <> ''", "message and recommendation say something"),
        Rule(
            "affected leads",
            f"(affected_leads is not null) = (type = '{UNUSUAL_BEHAVIOR}') "
            "and coalesce(affected_leads = observed, true)",
            "affected_leads is what was observed for unusual_behavior, and null for the others",
        ),
        Rule("p_value of drops", f"(p_value is not null) = ({_DROPS})", "drops, and only drops, have a p value"),
        Rule("season of drops", f"seasonal_baseline is null or {_DROPS}", "only drops have a seasonal baseline"),
        Rule(
            "baseline of type",
            f"(baseline is null) = (type = '{UNUSUAL_BEHAVIOR}')",
            "all but unusual_behavior have a baseline",
        ),
        Rule(
            "rates in percent",
            f"type not in ('{ENGAGEMENT_DROP}', '{HIGH_FRAUD_RATE}') "
            "or (observed <= 100 and baseline <= 100 and coalesce(seasonal_baseline <= 100, true))",
            "rates are at most 100 %",
        ),
        Rule(
            "direction",
            f"case when {_DROPS} then observed <= baseline and coalesce(observed <= seasonal_baseline, true) "
            f"when type = '{HIGH_FRAUD_RATE}' then observed >= baseline else true end",
            "a drop is below its baselines, a fraud rate above its limit",
        ),
        Rule(
            "change of baseline",
            "case when baseline is null then change is null when change is null then baseline = 0 "
            "else abs((1 + change) * baseline - observed) <= 0.0051 * (2 + change) + 0.0001 * baseline end",
            "change is observed / baseline - 1, to the rounding, and null only without one above 0",
        ),
        Rule("window", "window_start <= window_end", "the window does not end before it starts"),
    ),
)

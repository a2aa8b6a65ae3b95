"""Holds the contracts of the tables `incidents` and `acknowledgements`, and the words of kinds, severities and events.

Leaves how an incident opens and ends to `lifecycle`.
"""

from __future__ import annotations

from acquisition_assets.anomalies.contract import (
    ENGAGEMENT_DROP,
    HIGH_FRAUD_RATE,
    LEAD_GENERATION_DROP,
    UNUSUAL_BEHAVIOR,
)
from acquisition_assets.core.contracts import Contract, Kind, Rule, column
from acquisition_assets.core.pandera_import import Check
from acquisition_assets.metric_watch.contract import DROP, SLOW_DECLINE, SPIKE

STALE_DATA = "stale_data"
QUARANTINE = "quarantine"
KINDS = (
    ENGAGEMENT_DROP,
    HIGH_FRAUD_RATE,
    LEAD_GENERATION_DROP,
    UNUSUAL_BEHAVIOR,
    DROP,
    SPIKE,
    SLOW_DECLINE,
    STALE_DATA,
    QUARANTINE,
)
DIRECTIONS = (DROP, SPIKE, STALE_DATA, QUARANTINE)
HIGH, MEDIUM = "high", "medium"
SEVERITIES = (HIGH, MEDIUM)
OPEN, RESOLVED = "open", "resolved"
OPENED, WORSE, REPEATED = "opened", "worse", "repeated"
NOTICES = "alerts"
"""Key of the metadata in which a day's alerts are handed to the sensor."""
NONE_OPEN = "none_open"
"""The check that reports open incidents."""
EVENTS = (OPENED, WORSE, REPEATED, RESOLVED)

INCIDENTS = Contract(
    table="incidents",
    grain="One row per incident that is open on the day, or ended in the 35 days up to it. A day may have none.",
    key=("id",),
    columns={
        "id": column(Kind.TEXT, "metric:channel:direction:first day; the channel of all channels is `all`"),
        "metric": column(
            Kind.TEXT, "Metric, or input table (stale_data, quarantine)", lineage=("metric_watch.metric",)
        ),
        "channel": column(
            Kind.TEXT, "Channel of the leads; null for all", nullable=True, lineage=("metric_watch.channel",)
        ),
        "direction": column(Kind.TEXT, "What happens to the metric", Check.isin(DIRECTIONS)),
        "kind": column(
            Kind.TEXT,
            "One of the four types of anomalies where it applies, else what the metric does",
            Check.isin(KINDS),
            lineage=("metric_watch.state", "anomalies.type"),
        ),
        "severity": column(
            Kind.TEXT, "The worst so far", Check.isin(SEVERITIES), lineage=("metric_watch.change", "anomalies.severity")
        ),
        "opened_on": column(Kind.DATE, "First day on which it was seen"),
        "last_seen_on": column(Kind.DATE, "Last day on which it was seen"),
        "resolved_on": column(Kind.DATE, "Last of the quiet days that ended it; null while it is open", nullable=True),
        "days": column(
            Kind.INTEGER,
            "Days from opened_on to the day (open) or to last_seen_on (resolved)",
            Check.ge(1),
            unit="days",
        ),
        "quiet_days": column(
            Kind.INTEGER, "Days in a row within the expected range, up to the day", Check.ge(0), unit="days"
        ),
        "worst_change": column(
            Kind.NUMBER,
            "observed / expected - 1 of the worst day so far; null for stale_data, quarantine and unusual_behavior",
            Check.ge(-1),
            unit="fraction",
            nullable=True,
            lineage=("metric_watch.change", "anomalies.change"),
        ),
        "observed": column(
            Kind.NUMBER,
            "What was seen when it was last seen",
            Check.ge(0),
            unit="events per day, percent (rates), days (stale_data), rows (quarantine) or leads (unusual_behavior)",
            nullable=True,
            lineage=("metric_watch.observed", "anomalies.observed"),
        ),
        "expected": column(
            Kind.NUMBER,
            "What was expected then; for high_fraud_rate and stale_data the limit",
            Check.ge(0),
            unit="as observed",
            nullable=True,
            lineage=("metric_watch.expected", "anomalies.baseline"),
        ),
        "affected_leads": column(
            Kind.INTEGER,
            "Leads of unusual_behavior when it was last seen",
            Check.ge(1),
            unit="leads",
            nullable=True,
            lineage=("anomalies.affected_leads",),
        ),
        "status": column(Kind.TEXT, "open or resolved", Check.isin((OPEN, RESOLVED))),
        "parent": column(
            Kind.TEXT, "Id of the incident that explains this one, which is then not alerted", nullable=True
        ),
        "acknowledged_until": column(Kind.DATE, "Alerts are silenced up to this day", nullable=True),
        "alerted_on": column(Kind.DATE, "Last day that brought an alert; null for none so far", nullable=True),
        "alerted_change": column(
            Kind.NUMBER, "worst_change at that alert", Check.ge(-1), unit="fraction", nullable=True
        ),
        "alerted_severity": column(Kind.TEXT, "severity at that alert", Check.isin(SEVERITIES), nullable=True),
        "title": column(Kind.TEXT, "The incident in a few words, in the language of the policy's locale"),
        "message": column(Kind.TEXT, "What happened and since when, in that language"),
        "recommendation": column(Kind.TEXT, "What to do, in that language"),
    },
    rules=(
        Rule("resolved", "(status = 'resolved') = (resolved_on is not null)", "a resolved incident has its last day"),
        Rule(
            "order of days",
            "opened_on <= last_seen_on and coalesce(last_seen_on < resolved_on, true)",
            "it opens, is last seen, and then ends",
        ),
        Rule("words", "trim(title) <> '' and trim(message) <> '' and trim(recommendation) <> ''", "it says something"),
        Rule("no own parent", "parent is null or parent <> id", "an incident is not its own parent"),
        Rule(
            "alerted",
            "(alerted_on is null) = (alerted_severity is null) and coalesce(alerted_on >= opened_on, true)",
            "an alert comes with its severity, and not before the incident",
        ),
    ),
)

ACKNOWLEDGEMENTS = Contract(
    table="acknowledgements",
    grain="One row per acknowledgement of an incident.",
    key=("id", "acknowledged_on"),
    columns={
        "id": column(Kind.TEXT, "Id of the incident", lineage=("incidents.id",)),
        "acknowledged_on": column(Kind.DATE, "Day from which its alerts are silenced"),
        "until": column(Kind.DATE, "Last day on which they are"),
        "why": column(Kind.TEXT, "Reason, as written by the person"),
    },
    rules=(
        Rule("order of days", "acknowledged_on <= until", "it does not end before it begins"),
        Rule("reason", "trim(why) <> ''", "it says why"),
    ),
)

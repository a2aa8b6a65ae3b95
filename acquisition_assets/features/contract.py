"""Defines the contracts of the features: lead_activity, daily_metrics and metric_history.

The rules are left to sql/lead_activity and sql/daily_metrics, and to `history`.
"""

from __future__ import annotations

from collections.abc import Sequence

from acquisition_assets.channels.policy import CHANNEL_CLASSES
from acquisition_assets.core.contracts import Contract, Kind, Rule, column
from acquisition_assets.core.pandera_import import Check, pandera
from acquisition_assets.inputs.vocabulary import STATUSES

EVENT_TIME = ("raw_events.event_type", "raw_events.occurred_at", "raw_events.is_machine")
DELIVERY = ("raw_events.delivery_id", *EVENT_TIME)
PLATFORM = ("raw_leads.source", "raw_leads.utm_source", "raw_leads.utm_medium", "raw_leads.referrer_host")
CHANNEL = (
    *PLATFORM,
    "raw_leads.utm_campaign",
    "raw_leads.referrer_url",
    "raw_leads.landing_url",
    "raw_leads.click_ids",
)


def _count(description: str, lineage: Sequence[str], unit: str = "deliveries") -> pandera.Column:
    return column(Kind.INTEGER, description, Check.ge(0), unit=unit, lineage=lineage)


def _share(description: str, lineage: Sequence[str]) -> pandera.Column:
    return column(Kind.NUMBER, description, Check.ge(0), Check.le(1), unit="share", nullable=True, lineage=lineage)


def _hours(description: str) -> pandera.Column:
    return column(Kind.NUMBER, description, Check.ge(0), unit="hours", nullable=True, lineage=DELIVERY)


LEAD_ACTIVITY = Contract(
    table="lead_activity",
    grain="One row per lead created before T, with its activity of the last 365 days.",
    key=("lead_id",),
    columns={
        "lead_id": column(Kind.TEXT, "Id of the lead", lineage=("raw_leads.lead_id",)),
        "email": column(
            Kind.TEXT, "E-mail address (personal data)", nullable=True, personal=True, lineage=("raw_leads.email",)
        ),
        "source": column(Kind.TEXT, "Where the lead came from", lineage=("raw_leads.source",)),
        "platform": column(
            Kind.TEXT,
            "Social platform that brought the lead, `social` for an unnamed one, missing for other channels",
            nullable=True,
            lineage=PLATFORM,
        ),
        "channel": column(
            Kind.TEXT,
            "Channel that brought the lead: its platform; else its source where one is given; else its class",
            lineage=CHANNEL,
        ),
        "channel_class": column(
            Kind.TEXT, "Kind of the channel; `unknown` where nothing says", Check.isin(CHANNEL_CLASSES), lineage=CHANNEL
        ),
        "channel_detail": column(
            Kind.TEXT, "Engine, network or site; else the word that no list knows", nullable=True, lineage=CHANNEL
        ),
        "channel_rule": column(
            Kind.TEXT, "Rule that decided the class, and the field that it read (docs/channels.md)", lineage=CHANNEL
        ),
        "interest_area": column(Kind.TEXT, "Area of interest", nullable=True, lineage=("raw_leads.interest_area",)),
        "status": column(
            Kind.TEXT,
            "Status as of T",
            Check.isin(STATUSES),
            lineage=(
                "raw_leads.merged_status",
                "raw_leads.merged_engaged_at",
                "raw_leads.merged_converted_at",
                "raw_leads.merged_inactive_at",
                "raw_status_changes.status",
            ),
        ),
        "status_is_dated": column(
            Kind.FLAG,
            "The status rests on a status change, on its own time, or on a source that ends at T; else it may be newer",
            lineage=(
                "raw_leads.merged_status",
                "raw_leads.merged_engaged_at",
                "raw_leads.merged_converted_at",
                "raw_leads.merged_inactive_at",
                "raw_status_changes.changed_at",
                "source_state.newest_at",
            ),
        ),
        "base_score": column(
            Kind.NUMBER,
            "Score that the source system keeps",
            Check.ge(0),
            unit="points",
            lineage=("raw_leads.engagement_score",),
        ),
        "created_at": column(Kind.INSTANT, "When the lead was created", lineage=("raw_leads.merged_created_at",)),
        "is_unsubscribed": column(
            Kind.FLAG,
            "Unsubscribed before T, by a time in the source (also one that cannot be read) or an event",
            lineage=(
                "raw_leads.merged_unsubscribed_at",
                "raw_leads.unsubscribed_unreadable",
                "raw_events.event_type",
                "raw_events.occurred_at",
            ),
        ),
        "is_bounced": column(
            Kind.FLAG, "A message bounced, and no human event came after the last that did", lineage=EVENT_TIME
        ),
        "has_complained": column(Kind.FLAG, "Complained of a message", lineage=EVENT_TIME),
        "may_be_mailed": column(
            Kind.FLAG,
            "Has an e-mail address of valid form (or no lead has any), and is not unsubscribed, bounced or complaining",
            lineage=(
                "raw_leads.lead_id",
                "raw_leads.email",
                "raw_leads.merged_unsubscribed_at",
                "raw_leads.unsubscribed_unreadable",
                *EVENT_TIME,
            ),
        ),
        "age_days": _count("Whole days since created_at", ("raw_leads.merged_created_at",), "days"),
        "deliveries_total": _count("Deliveries sent", DELIVERY),
        "deliveries_7d": _count("Deliveries sent in the last 7 days", DELIVERY),
        "deliveries_30d": _count("Deliveries sent in the last 30 days", DELIVERY),
        "opens_total": _count("Deliveries opened by a person", DELIVERY),
        "opens_7d": _count("Deliveries opened in the last 7 days", DELIVERY),
        "completions_total": _count("Deliveries completed by a person", DELIVERY),
        "completions_7d": _count("Deliveries completed in the last 7 days", DELIVERY),
        "consumed_30d": _count("Deliveries opened in the last 30 days", DELIVERY),
        "completion_rate": _share(
            "completions_total / deliveries_total, at most 1; missing without deliveries", DELIVERY
        ),
        "avg_response_hours": _hours("Mean time from sending to opening"),
        "latest_response_hours": _hours("Time from sending to opening of the delivery opened last"),
        "business_hours_share": _share(
            "Share of human events from 09:00:00 to 17:59:59 local time", (*EVENT_TIME, "raw_events.local_hour")
        ),
        "weekday_share": _share(
            "Share of human events from Monday to Friday, local time", (*EVENT_TIME, "raw_events.local_weekday")
        ),
        "last_sent_at": column(Kind.INSTANT, "Latest sending", nullable=True, lineage=EVENT_TIME),
        "last_engaged_at": column(Kind.INSTANT, "Latest human event", nullable=True, lineage=EVENT_TIME),
        "days_since_engagement": column(
            Kind.INTEGER,
            "Whole days since last_engaged_at",
            Check.ge(0),
            unit="days",
            nullable=True,
            lineage=EVENT_TIME,
        ),
        "days_inactive": _count(
            "Whole days since last_engaged_at, or since created_at",
            (*EVENT_TIME, "raw_leads.merged_created_at"),
            "days",
        ),
        "consumed_content_types": column(
            Kind.TEXTS, "Content types of completed deliveries, sorted", lineage=("raw_events.content_type", *DELIVERY)
        ),
        "referrals_generated": _count(
            "Referrals that are pending or validated", ("raw_referrals.status", "raw_referrals.created_at"), "referrals"
        ),
        "referrals_validated": _count(
            "Referrals validated before T", ("raw_referrals.status", "raw_referrals.validated_at"), "referrals"
        ),
    },
    rules=(
        Rule(
            "windows nest",
            "deliveries_7d <= deliveries_30d and deliveries_30d <= deliveries_total",
            "a shorter window holds no more deliveries",
        ),
        Rule("completions are opened", "completions_total <= opens_total", "a completed delivery was opened"),
        Rule(
            "validated are generated",
            "referrals_validated <= referrals_generated",
            "a validated referral was generated",
        ),
        Rule(
            "who may be mailed",
            "not may_be_mailed or not (is_unsubscribed or is_bounced or has_complained)",
            "nobody is mailed who unsubscribed, bounced or complained",
        ),
    ),
)
DAILY_METRICS = Contract(
    table="daily_metrics",
    grain="One row per business day of the 90 up to the partition's day; days without anything are zeros.",
    key=("day",),
    columns={
        "day": column(Kind.DATE, "Business day"),
        "new_leads": _count("Leads created", ("raw_leads.merged_created_at",), "leads"),
        "deliveries_sent": _count("Deliveries sent", DELIVERY),
        "opened_24h": _count("Deliveries sent that day and opened less than 24 hours after that", DELIVERY),
        "completions": _count("Deliveries completed", DELIVERY),
        "referrals_created": _count("Referrals created", ("raw_referrals.created_date",), "referrals"),
        "referrals_fraud": _count(
            "Of these, fraud", ("raw_referrals.created_date", "raw_referrals.status"), "referrals"
        ),
        "leads_engaged": _count("Leads that became engaged", ("raw_leads.merged_engaged_at",), "leads"),
        "leads_converted": _count("Leads that converted", ("raw_leads.merged_converted_at",), "leads"),
    },
    rules=(
        Rule("opened were sent", "opened_24h <= deliveries_sent", "no more deliveries are opened than sent"),
        Rule("fraud was created", "referrals_fraud <= referrals_created", "no more referrals are fraud than created"),
    ),
)

NEW_LEADS, LEADS_ENGAGED, LEADS_CONVERTED = "new_leads", "leads_engaged", "leads_converted"
DELIVERIES_SENT, OPENED, COMPLETIONS = "deliveries_sent", "opened_24h", "completions"
UNSUBSCRIBED, BOUNCED, COMPLAINED, MACHINE_OPENS = "unsubscribed", "bounced", "complained", "machine_opens"
REFERRALS_CREATED, REFERRALS_FRAUD = "referrals_created", "referrals_fraud"
RATES = {
    "open_rate": (OPENED, DELIVERIES_SENT),
    "unsubscribe_rate": (UNSUBSCRIBED, DELIVERIES_SENT),
    "bounce_rate": (BOUNCED, DELIVERIES_SENT),
    "complaint_rate": (COMPLAINED, DELIVERIES_SENT),
    "fraud_rate": (REFERRALS_FRAUD, REFERRALS_CREATED),
}
"""The rates by name: the count of successes and the count of trials."""
COUNTS_OF_TABLE = {
    "leads": (NEW_LEADS, LEADS_ENGAGED, LEADS_CONVERTED),
    "events": (DELIVERIES_SENT, OPENED, COMPLETIONS, UNSUBSCRIBED, BOUNCED, COMPLAINED, MACHINE_OPENS),
    "referrals": (REFERRALS_CREATED, REFERRALS_FRAUD),
}
"""The counts by the input table whose rows they count."""
METRICS = (*(name for names in COUNTS_OF_TABLE.values() for name in names), *RATES)
_COUNTED = (
    "raw_leads.merged_created_at",
    "raw_leads.merged_engaged_at",
    "raw_leads.merged_converted_at",
    "raw_leads.merged_unsubscribed_at",
    *DELIVERY,
    "raw_referrals.created_date",
    "raw_referrals.status",
)
METRIC_HISTORY = Contract(
    table="metric_history",
    grain="One row per business day of the 120 up to the partition's day, metric and channel (null: all channels).",
    key=("day", "metric", "channel"),
    columns={
        "day": column(Kind.DATE, "Business day; for opens the day on which the 24 hours of the day before are over"),
        "metric": column(Kind.TEXT, "Name of the metric", Check.isin(METRICS)),
        "channel": column(
            Kind.TEXT,
            "Channel of the leads, where it brings at least 10 a day; null for all",
            nullable=True,
            lineage=CHANNEL,
        ),
        "value": column(
            Kind.INTEGER,
            "Count of the day; of a rate the successes, at most the trials; null where the source delivered nothing",
            Check.ge(0),
            unit="events",
            nullable=True,
            lineage=_COUNTED,
        ),
        "trials": column(
            Kind.INTEGER,
            "Deliveries or referrals that a rate is a share of; null for counts",
            Check.ge(0),
            unit="events",
            nullable=True,
            lineage=_COUNTED,
        ),
    },
    rules=(
        Rule("part of trials", "value <= trials", "a rate's successes are a part of its trials"),
        Rule(
            "trials of rates",
            f"case when metric in ({', '.join(repr(name) for name in RATES)}) "
            "then (trials is null) = (value is null) else trials is null end",
            "rates, and only rates, have trials",
        ),
        Rule("channels of new leads", f"channel is null or metric = '{NEW_LEADS}'", "only new leads have channels"),
    ),
)

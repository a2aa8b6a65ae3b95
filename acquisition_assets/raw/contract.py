"""Holds the contracts of the stored raw tables and of the quarantine.

Does not declare the input tables as they are read (see `inputs.tables`).
"""

from __future__ import annotations

from acquisition_assets.core.contracts import Contract, Kind, column
from acquisition_assets.core.pandera_import import Check
from acquisition_assets.inputs.tables import INPUTS
from acquisition_assets.inputs.vocabulary import EVENT_TYPES, REFERRAL_STATUSES, STATUSES

REASONS = (
    "missing required value",
    "unparsable value",
    "value out of range",
    "unknown word",
    "duplicate id",
    "broken line",
    "unknown lead",
    "alias cycle",
    "quarantined lead",
)

RAW_LEADS = Contract(
    table="raw_leads",
    grain="One row per lead created before T, or merged with one that was, as the source has it.",
    key=("lead_id",),
    columns={
        "lead_id": column(Kind.TEXT, "Id of the lead"),
        "email": column(Kind.TEXT, "E-mail address (personal data)", nullable=True, personal=True),
        "source": column(Kind.TEXT, "Where the lead came from, lower case; organic where not given"),
        "utm_source": column(Kind.TEXT, "utm_source of the first visit", nullable=True),
        "utm_medium": column(Kind.TEXT, "utm_medium of the first visit", nullable=True),
        "utm_campaign": column(Kind.TEXT, "utm_campaign of the first visit", nullable=True),
        "referrer_url": column(Kind.TEXT, "Page that linked to the first visit", nullable=True),
        "landing_url": column(Kind.TEXT, "Page of the first visit", nullable=True),
        "click_ids": column(Kind.TEXT, "Click ids of the first visit", nullable=True),
        "interest_area": column(Kind.TEXT, "Area of interest, lower case", nullable=True),
        "status": column(Kind.TEXT, "Status in the source at the time of reading", Check.isin(STATUSES)),
        "engagement_score": column(Kind.NUMBER, "Base score that the source keeps", Check.ge(0), unit="points"),
        "referrer_lead_id": column(Kind.TEXT, "Lead who referred this one", nullable=True),
        "created_at": column(Kind.INSTANT, "When the lead was created"),
        "engaged_at": column(Kind.INSTANT, "When the lead became engaged", nullable=True),
        "converted_at": column(Kind.INSTANT, "When the lead converted", nullable=True),
        "inactive_at": column(Kind.INSTANT, "When the lead became inactive", nullable=True),
        "unsubscribed_at": column(Kind.INSTANT, "When the lead unsubscribed", nullable=True),
        "updated_at": column(Kind.INSTANT, "When the source changed the row", nullable=True),
        "merged_created_at": column(Kind.INSTANT, "Earliest created_at of the rows that became this lead"),
        "merged_engaged_at": column(Kind.INSTANT, "Earliest engaged_at of these rows", nullable=True),
        "merged_converted_at": column(Kind.INSTANT, "Earliest converted_at of these rows", nullable=True),
        "merged_inactive_at": column(Kind.INSTANT, "Earliest inactive_at of these rows", nullable=True),
        "merged_unsubscribed_at": column(Kind.INSTANT, "Earliest unsubscribed_at of these rows", nullable=True),
        "merged_status": column(Kind.TEXT, "Status of these rows that goes furthest", Check.isin(STATUSES)),
        "unsubscribed_unreadable": column(Kind.FLAG, "An unsubscribed_at of these rows cannot be read"),
        "referrer_host": column(Kind.TEXT, "Host of referrer_url, lower case", nullable=True),
        "created_date": column(Kind.DATE, "Business day of created_at"),
        "engaged_date": column(Kind.DATE, "Business day of engaged_at", nullable=True),
        "converted_date": column(Kind.DATE, "Business day of converted_at", nullable=True),
    },
)
RAW_EVENTS = Contract(
    table="raw_events",
    grain="One row per accepted event of the business day.",
    key=("event_id",),
    columns={
        "event_id": column(Kind.TEXT, "Id of the event; derived from the row's content where the source gives none"),
        "lead_id": column(Kind.TEXT, "Lead of the event"),
        "delivery_id": column(Kind.TEXT, "One content item sent to one lead", nullable=True),
        "event_type": column(Kind.TEXT, "What happened", Check.isin(EVENT_TYPES)),
        "content_id": column(Kind.TEXT, "Content item", nullable=True),
        "content_type": column(Kind.TEXT, "Type of the content, lower case; other where not given"),
        "occurred_at": column(Kind.INSTANT, "When it happened"),
        "is_machine": column(Kind.FLAG, "Made by a mail proxy or a scanner"),
        "derived_delivery_id": column(
            Kind.TEXT, "The delivery where the source names none: lead and content, or the event alone", nullable=True
        ),
        "local_hour": column(Kind.INTEGER, "Local hour of occurred_at", Check.ge(0), Check.le(23), unit="hour"),
        "local_weekday": column(Kind.INTEGER, "Local ISO weekday, Monday is 1", Check.ge(1), Check.le(7)),
    },
)
RAW_REFERRALS = Contract(
    table="raw_referrals",
    grain="One row per referral created before T.",
    key=("referral_id",),
    columns={
        "referral_id": column(Kind.TEXT, "Id of the referral"),
        "referrer_lead_id": column(Kind.TEXT, "Lead who referred"),
        "referred_email": column(Kind.TEXT, "Who was referred (personal data)", nullable=True, personal=True),
        "status": column(Kind.TEXT, "Status at the time of reading", Check.isin(REFERRAL_STATUSES)),
        "created_at": column(Kind.INSTANT, "When it was made"),
        "validated_at": column(Kind.INSTANT, "When it was validated", nullable=True),
        "updated_at": column(Kind.INSTANT, "When the source changed the row", nullable=True),
        "created_date": column(Kind.DATE, "Business day of created_at"),
    },
)
RAW_CONTENT = Contract(
    table="raw_content",
    grain="One row per content item published before T (or without a date).",
    key=("content_id",),
    columns={
        "content_id": column(Kind.TEXT, "Id of the item"),
        "content_type": column(Kind.TEXT, "Type of the content, lower case"),
        "title": column(Kind.TEXT, "Title"),
        "url": column(Kind.TEXT, "Address", nullable=True),
        "interest_area": column(Kind.TEXT, "Area of interest, lower case", nullable=True),
        "published_at": column(Kind.INSTANT, "When it was published", nullable=True),
        "retired_at": column(Kind.INSTANT, "When it was taken down", nullable=True),
        "updated_at": column(Kind.INSTANT, "When the source changed the row", nullable=True),
    },
)
RAW_STATUS_CHANGES = Contract(
    table="raw_status_changes",
    grain="One row per change of a lead's status before T.",
    key=("read_order",),
    columns={
        "lead_id": column(Kind.TEXT, "Lead whose status changed"),
        "status": column(Kind.TEXT, "Status from then on", Check.isin(STATUSES)),
        "changed_at": column(Kind.INSTANT, "When it changed"),
        "read_order": column(Kind.INTEGER, "Place in the source; of equal times the last read counts", Check.ge(0)),
    },
)
RAW_ALIASES = Contract(
    table="raw_aliases",
    grain="One row per alias of a lead.",
    key=("alias_id",),
    columns={
        "alias_id": column(Kind.TEXT, "An id that the lead also has or had"),
        "lead_id": column(Kind.TEXT, "The lead that the source names for it"),
        "final_lead_id": column(Kind.TEXT, "The lead at the end of the chain of aliases"),
    },
)
RAW_SPEND = Contract(
    table="raw_spend",
    grain="One row per payment for a channel or campaign on a day before T.",
    key=("read_order",),
    columns={
        "day": column(Kind.INSTANT, "Day of the spend; a date is its midnight"),
        "channel": column(Kind.TEXT, "Channel, as in lead_activity", nullable=True),
        "utm_source": column(Kind.TEXT, "utm_source of the campaign's links", nullable=True),
        "utm_campaign": column(Kind.TEXT, "utm_campaign of the campaign's links", nullable=True),
        "amount": column(Kind.NUMBER, "Money spent", Check.ge(0), unit="currency"),
        "currency": column(Kind.TEXT, "Currency, such as EUR; the policy's where not given", nullable=True),
        "read_order": column(Kind.INTEGER, "Place in the source", Check.ge(0)),
    },
)
SOURCE_STATE = Contract(
    table="source_state",
    grain="One row: what was known of the source when the day was read.",
    key=(),
    columns={
        "read_at": column(Kind.INSTANT, "When the run started"),
        "newest_at": column(Kind.INSTANT, "Newest time in the source that is not later than read_at", nullable=True),
        "is_stale_leads": column(Kind.FLAG, "raw_leads is not fresh"),
        "is_stale_events": column(Kind.FLAG, "raw_events is not fresh"),
    },
)
EVENT_DAYS = Contract(
    table="event_days",
    grain="One row per business day of events: what the source had of it when the lake took it in; and one per id that "
    "its events named and that was no good lead.",
    key=(),
    columns={
        "rows_read": column(Kind.INTEGER, "Events of the day (or lead) in the source", Check.ge(0), unit="events"),
        "rows_accepted": column(
            Kind.INTEGER, "Events of the day (or lead) that were accepted", Check.ge(0), unit="events"
        ),
        "fingerprint": column(Kind.TEXT, "Differs when the source's events of the day do", nullable=True),
        "lead_hash": column(Kind.TEXT, "MD5 of an id that was no good lead; null in the row of the day", nullable=True),
    },
)
QUARANTINE = Contract(
    table="quarantine",
    grain="One row per input row of this run that breaks its table's contract.",
    key=(),
    columns={
        "source_table": column(Kind.TEXT, "Input table", Check.isin(tuple(INPUTS))),
        "row_key": column(Kind.TEXT, "Id of the row as read, or its place in the table"),
        "reason": column(Kind.TEXT, "Why it was not accepted", Check.isin(REASONS)),
        "row": column(Kind.TEXT, "The row as read, in JSON (personal data)", personal=True),
        "detail": column(Kind.TEXT, "Which column, and what is allowed there"),
    },
)
RAW: dict[str, Contract] = {
    "leads": RAW_LEADS,
    "events": RAW_EVENTS,
    "referrals": RAW_REFERRALS,
    "content": RAW_CONTENT,
    "status_changes": RAW_STATUS_CHANGES,
    "aliases": RAW_ALIASES,
    "spend": RAW_SPEND,
}
"""The stored tables by their input tables."""
STATE = (SOURCE_STATE, EVENT_DAYS)
"""What a run knew of the source."""

"""Runs one SQL file of the product on DuckDB over a few hand-made rows.

Whole runs of the graph are left to running.py.

Every builder returns a row in which nothing has happened; a test names what it is about. The day is a Tuesday in UTC.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from acquisition_assets.behavior_predictions.contract import BEHAVIOR_PREDICTIONS
from acquisition_assets.channels.classify import channel_table
from acquisition_assets.channels.reduce import bound_words, reduction_parameters
from acquisition_assets.content_recommendations.asset import items_table
from acquisition_assets.core.contracts import Contract
from acquisition_assets.core.days import day_of
from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.core.engine.duckdb import DuckDBSession
from acquisition_assets.core.engine.session import typed_query
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.asset import DELIVERY_PARTS, LEAD_FACTS, days_table, feature_parameters
from acquisition_assets.features.contract import DAILY_METRICS, LEAD_ACTIVITY
from acquisition_assets.lead_segments.contract import LEAD_SEGMENTS, SEGMENT_CHANGES
from acquisition_assets.policy import Policy, read_policy
from acquisition_assets.raw.contract import (
    RAW_ALIASES,
    RAW_CONTENT,
    RAW_EVENTS,
    RAW_LEADS,
    RAW_REFERRALS,
    RAW_STATUS_CHANGES,
    SOURCE_STATE,
)

Row = dict[str, Any]
Rows = Iterable[Mapping[str, Any]]
UTC = dt.timezone.utc
DAY = dt.date(2026, 3, 10)
END = dt.datetime(2026, 3, 11, tzinfo=UTC)  # T
US = dt.timedelta(microseconds=1)
POLICY = read_policy()
MERGED = ("created_at", "engaged_at", "converted_at", "inactive_at", "unsubscribed_at", "status")
DELIVERIES = (*DELIVERY_PARTS, "deliveries")


def ago(days: float = 0, hours: float = 0, minutes: float = 0, end: dt.datetime = END) -> dt.datetime:
    """So long before T."""
    return end - dt.timedelta(days=days, hours=hours, minutes=minutes)


# ---- rows -----------------------------------------------------------------------------------------------------------


def lead(lead_id: str = "a", tz: str = "UTC", **given: Any) -> Row:
    """A row of raw_leads: a new lead of 10 days."""
    row: Row = dict.fromkeys(RAW_LEADS.columns)
    row |= {"lead_id": lead_id, "source": "organic", "status": "new", "engagement_score": 0.0, "created_at": ago(10)}
    row["unsubscribed_unreadable"] = False
    row |= given
    for name in MERGED:  # of one row, where a test does not say otherwise
        if f"merged_{name}" not in given:
            row[f"merged_{name}"] = row[name]
    for name in ("created", "engaged", "converted"):
        instant = row[f"{name}_at"]
        row[f"{name}_date"] = None if instant is None else day_of(instant, ZoneInfo(tz))
    return row


def event(event_type: str, occurred_at: dt.datetime, lead_id: str = "a", tz: str = "UTC", **given: Any) -> Row:
    """A row of raw_events: of delivery d1, a blog."""
    local = occurred_at.astimezone(ZoneInfo(tz))
    row: Row = {
        "event_id": f"{event_type}-{occurred_at.isoformat()}",
        "lead_id": lead_id,
        "delivery_id": "d1",
        "event_type": event_type,
        "content_id": None,
        "content_type": "blog",
        "occurred_at": occurred_at,
        "is_machine": False,
        "local_hour": local.hour,
        "local_weekday": local.isoweekday(),
        "date": day_of(occurred_at, ZoneInfo(tz)),
        **given,
    }
    named = f"{lead_id}\x1f{row['content_id']}" if row["content_id"] else f"\x1f{row['event_id']}"
    return {**row, "derived_delivery_id": None if row["delivery_id"] else named}


def delivery(
    delivery_id: str,
    sent_at: dt.datetime | None,
    opened_at: dt.datetime | None = None,
    completed_at: dt.datetime | None = None,
    **given: Any,
) -> list[Row]:
    """The events of one delivery."""
    times = {"sent": sent_at, "opened": opened_at, "completed": completed_at}
    return [
        event(kind, time, event_id=f"{delivery_id}-{kind}", delivery_id=delivery_id, **given)
        for kind, time in times.items()
        if time is not None
    ]


def referral(referral_id: str, status: str, lead_id: str = "a", **given: Any) -> Row:
    """A row of raw_referrals, two days old."""
    row = {"referred_email": None, "created_at": ago(2), "validated_at": None, **given}
    created = day_of(row["created_at"], ZoneInfo("UTC"))
    return {"referral_id": referral_id, "referrer_lead_id": lead_id, "status": status, "created_date": created, **row}


def active(lead_id: str = "a", **given: Any) -> Row:
    """A row of lead_activity: a new lead of 40 days that was never sent anything."""
    counts = {name for name, spec in LEAD_ACTIVITY.columns.items() if not spec.nullable}
    row: Row = {name: 0 if name in counts else None for name in LEAD_ACTIVITY.columns}
    return {
        **row,
        "lead_id": lead_id,
        "source": "organic",
        "status": "new",
        "base_score": 0.0,
        "created_at": ago(40),
        "channel": "organic",
        "channel_class": "unknown",
        "channel_rule": "nothing_known",
        "status_is_dated": True,
        "is_unsubscribed": False,
        "is_bounced": False,
        "has_complained": False,
        "may_be_mailed": True,
        "age_days": 40,
        "consumed_content_types": [],
        **given,
    }


def scored(lead_id: str = "a", score: float = 0.0, **given: Any) -> Row:
    """A row of dynamic_scores with this published score."""
    row: Row = dict.fromkeys(DYNAMIC_SCORES.columns, 0.0)
    flags = {"is_analysed": True, "is_updated": False}
    return {**row, **flags, "lead_id": lead_id, "previous_score": score, "score": score, **given}


# ---- running --------------------------------------------------------------------------------------------------------


def frame(contract: Contract, rows: Rows, dated: bool = False) -> pa.Table:
    """Rows as an Arrow table of the contract's types, with their day where it is asked for."""
    schema = contract.arrow_schema
    if dated:
        schema = schema.append(pa.field("date", pa.date32()))
    return pa.Table.from_pylist(list(rows), schema=schema)


_open = contextlib.ExitStack()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """One database for all sessions: opening it takes longer than a query."""
    return _open.enter_context(in_memory())


@contextlib.contextmanager
def session_of(tables: Mapping[str, pa.Table]) -> Iterator[DuckDBSession]:
    """A session that sees these tables, and nothing of other sessions."""
    with _database().cursor() as connection:
        connection.execute("set TimeZone = 'UTC'")
        session = DuckDBSession(connection)
        for name, rows in tables.items():
            session.bind_arrow(name, rows)
        yield session


def run_sql(
    name: str,
    tables: Mapping[str, pa.Table],
    parameters: Mapping[str, object] | None = None,
    contract: Contract | None = None,
    before: Sequence[tuple[str, str]] = (),
) -> list[Row]:
    """The rows that a SQL file gives over these tables, with the contract's columns and types where one is given.

    before: names and SQL files of relations that are computed first, as the asset does.
    """
    with session_of(tables) as session:
        for relation, file in before:
            session.bind_query(relation, read_sql(file), parameters)
        query = read_sql(name)
        if contract is None:
            return session.query(query, parameters).to_pylist()
        return session.query(typed_query(query, contract), parameters).to_pylist()


def raw_tables(
    leads: Rows,
    events: Rows,
    referrals: Rows = (),
    changes: Rows = (),
    aliases: Mapping[str, str] | None = None,
    newest_at: dt.datetime | None = END,
) -> dict[str, pa.Table]:
    """The raw tables that the features read; aliases: id -> the lead it belongs to."""
    named = [{"alias_id": alias, "lead_id": owner, "final_lead_id": owner} for alias, owner in (aliases or {}).items()]
    state = {"read_at": END, "newest_at": newest_at, "is_stale_leads": False, "is_stale_events": False}
    return {
        "raw_aliases": frame(RAW_ALIASES, named),
        "source_state": frame(SOURCE_STATE, [state]),
        "raw_leads": frame(RAW_LEADS, leads),
        "raw_events": frame(RAW_EVENTS, events, dated=True),
        "raw_referrals": frame(RAW_REFERRALS, referrals),
        "raw_status_changes": frame(RAW_STATUS_CHANGES, changes),
    }


def resolved(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables as an asset binds them: rows that name an alias have the lead that it belongs to."""
    found = dict(tables)
    if tables["raw_aliases"].num_rows:
        for name in ("raw_events", "raw_referrals", "raw_status_changes"):
            as_read = {f"{name}_as_read": tables[name], "raw_aliases": tables["raw_aliases"]}
            with session_of(as_read) as session:
                found[name] = session.query(read_sql(f"resolved/{name}"))
    return found


def activity_of(
    events: Rows = (),
    leads: Rows | None = None,
    referrals: Rows = (),
    changes: Rows = (),
    *,
    end: dt.datetime = END,
    policy: Policy = POLICY,
    aliases: Mapping[str, str] | None = None,
    newest_at: dt.datetime | None = END,
) -> dict[str, Row]:
    """lead_activity of these raw rows, by lead; without leads of lead a alone."""
    tables = raw_tables([lead()] if leads is None else leads, events, referrals, changes, aliases, newest_at)
    with session_of({"raw_leads": tables["raw_leads"], **bound_words(policy.channels)}) as session:
        reduced = session.query(read_sql("lead_activity/lead_combinations"), reduction_parameters(policy.channels))
    combinations = reduced.select(["combination"]).group_by("combination").aggregate([])
    channels = channel_table(combinations, policy.channels, policy.platforms)
    rows = run_sql(
        "lead_activity/lead_activity",
        {**resolved(tables), "lead_combinations": reduced, "channels": channels},
        feature_parameters(policy.features, end),
        LEAD_ACTIVITY,
        before=[(name, f"lead_activity/{name}") for name in (*DELIVERIES, *LEAD_FACTS)],
    )
    return {row["lead_id"]: row for row in rows}


def metrics_of(
    events: Rows = (),
    leads: Rows | None = None,
    referrals: Rows = (),
    days: int = 90,
    aliases: Mapping[str, str] | None = None,
) -> dict[int, Row]:
    """daily_metrics of these raw rows, by days before the day."""
    tables = resolved(raw_tables([lead()] if leads is None else leads, events, referrals, aliases=aliases))
    tables["days"] = days_table([DAY - dt.timedelta(days=n) for n in range(days)], ZoneInfo("UTC"))
    before = [(name, f"lead_activity/{name}") for name in (*DELIVERIES, "lead_events")]
    parameters = feature_parameters(POLICY.features, END)
    rows = run_sql("daily_metrics/daily_metrics", tables, parameters, DAILY_METRICS, before=before)
    return {(DAY - row["day"]).days: row for row in rows}


def scores_of(
    activity: Rows, previous: Rows = (), *, end: dt.datetime = END, policy: Policy = POLICY
) -> dict[str, Row]:
    """dynamic_scores of these rows of lead_activity, by lead; previous rows of dynamic_scores carry their `date`."""
    numbers = policy.dynamic_scores
    parameters = {
        **numbers.parameters(),
        "analysed_created_from": ago(numbers.analysed_created_days, end=end),
        "analysed_active_from": ago(numbers.analysed_active_days, end=end),
    }
    tables = {
        "lead_activity": frame(LEAD_ACTIVITY, activity),
        "previous_scores": frame(DYNAMIC_SCORES, previous, dated=True),
    }
    rows = run_sql("dynamic_scores/dynamic_scores", tables, parameters, DYNAMIC_SCORES)
    return {row["lead_id"]: row for row in rows}


def score_of(previous: Rows = (), **given: Any) -> Row:
    """The row of dynamic_scores of lead a with this activity."""
    return scores_of([active(**given)], previous)["a"]


def with_scores(activity: Rows, scores: Mapping[str, float]) -> dict[str, pa.Table]:
    """lead_activity, and dynamic_scores with these published scores (0 for leads without one)."""
    rows = list(activity)
    published = [scored(row["lead_id"], scores.get(row["lead_id"], 0.0)) for row in rows]
    return {"lead_activity": frame(LEAD_ACTIVITY, rows), "dynamic_scores": frame(DYNAMIC_SCORES, published)}


def predictions_of(activity: Rows, scores: Mapping[str, float], policy: Policy = POLICY) -> dict[str, Row]:
    """behavior_predictions of these rows of lead_activity with these published scores, by lead."""
    parameters = policy.behavior_predictions.parameters()
    tables = with_scores(activity, scores)
    rows = run_sql("behavior_predictions/behavior_predictions", tables, parameters, BEHAVIOR_PREDICTIONS)
    return {row["lead_id"]: row for row in rows}


def recommendations_of(
    activity: Rows, scores: Mapping[str, float], events: Rows = (), content: Rows = (), policy: Policy = POLICY
) -> dict[str, list[Row]]:
    """content_recommendations of these rows, with the document's items, by lead, in the order of their rank."""
    tables = {
        **with_scores(activity, scores),
        "raw_events": frame(RAW_EVENTS, events, dated=True),
        "raw_content": frame(RAW_CONTENT, content),
        "items": items_table(policy.content_recommendations),
    }
    parameters = policy.content_recommendations.parameters()
    names = {"rule_leads": "rule_leads", "completed": "completed_items"}
    before = [(name, f"content_recommendations/{file}") for name, file in names.items()]
    found: dict[str, list[Row]] = {}
    for row in sorted(
        run_sql("content_recommendations/content_recommendations", tables, parameters, before=before),
        key=lambda row: (row["lead_id"], row["rank"]),
    ):
        found.setdefault(row["lead_id"], []).append(row)
    return found


def changes_of(today: Rows, before: Rows | None) -> set[tuple[str, str, str]]:
    """segment_changes of two days' lead_segments; None where no earlier day has any."""
    tables = {"lead_segments": frame(LEAD_SEGMENTS, today), "previous_segments": frame(LEAD_SEGMENTS, before or ())}
    rows = run_sql("segment_changes/segment_changes", tables, {"has_previous": before is not None}, SEGMENT_CHANGES)
    assert len(rows) == len({(row["segment"], row["lead_id"]) for row in rows})
    return {(row["segment"], row["lead_id"], row["change"]) for row in rows}

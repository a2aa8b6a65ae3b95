"""Runs the SQL and the model of conversion_forecasts for one day over leads and events in memory.

Leaves where these come from to bench/forecasts.py and the tests, and the product's own run to its asset.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from acquisition_assets.conversion_forecasts import as_of, outcomes
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy
from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.core.engine.duckdb import DuckDBSession
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.features.asset import feature_parameters
from acquisition_assets.policy import Policy, read_policy

TIME = pa.timestamp("us", tz="UTC")
LEADS = pa.schema(
    [
        *((name, pa.string()) for name in ("lead_id", "email", "source", "channel", "utm_source", "utm_medium")),
        *((name, pa.string()) for name in ("utm_campaign", "referrer_host", "interest_area", "status")),
        ("engagement_score", pa.float64()),
        *((f"{name}_at", TIME) for name in ("created", "engaged", "converted", "inactive", "unsubscribed")),
    ]
)
EVENTS = pa.schema(
    [
        *((name, pa.string()) for name in ("event_id", "lead_id", "delivery_id", "derived_delivery_id")),
        *((name, pa.string()) for name in ("event_type", "content_type")),
        ("occurred_at", TIME),
        ("is_machine", pa.bool_()),
        ("local_hour", pa.int64()),
        ("local_weekday", pa.int64()),
        ("date", pa.date32()),
    ]
)
CHANGES = pa.schema(
    [("lead_id", pa.string()), ("status", pa.string()), ("changed_at", TIME), ("read_order", pa.int64())]
)


@dataclass(frozen=True)
class Source:
    """Leads, events and changes of status, of all times, with the columns of the raw tables."""

    leads: pa.Table
    events: pa.Table
    changes: pa.Table

    @classmethod
    def of(cls, leads: pa.Table, events: pa.Table | None = None, changes: pa.Table | None = None) -> Source:
        """Return the source with every column; those that are not given are empty."""
        return cls(
            _filled(leads, LEADS, {"source": "organic", "status": "new", "engagement_score": 0.0}),
            _filled(events, EVENTS, {"content_type": "other", "is_machine": False}),
            _filled(changes, CHANGES, {}),
        )


@dataclass(frozen=True)
class DayRows:
    """The rows of one day: of training with labels, and of the leads that are open at T."""

    end: dt.datetime
    cutoffs: tuple[dt.datetime, ...]
    training: pa.Table
    open: pa.Table
    training_points: pa.Table | None = None
    open_points: pa.Table | None = None


def day_rows(
    source: Source, end: dt.datetime, policy: ForecastPolicy, with_points: bool = False, **config: Any
) -> DayRows:
    """Return the day's rows with their features, from what the source held before T.

    Args:
        source: leads, events and changes of all times.
        end: T.
        policy: the forecast's section.
        with_points: whether the document's points of each row are computed too, by row number. They are those of a lead
            without earlier scores and without a base score, as neither has a time.
        config: settings of DuckDB.
    """
    whole = read_policy()
    windows = feature_windows(whole, end)
    with session_of(source, end, **config) as session:
        session.bind_query("day_activity", _activity(), windows)
        parameters = {**windows, **outcomes.parameters(end, (), policy.maximum_rows, policy)}
        as_of.bind_histories(session, parameters)
        first = as_of.first_times(session)
        instants = outcomes.cutoffs(end, first["first_created_at"], first["first_converted_at"], policy)
        events = session.query("select count(*) as n from day_events").to_pylist()[0]["n"]
        size = outcomes.sample_size(first["leads"], events, policy)
        parameters |= outcomes.parameters(end, instants, size, policy)
        as_of.bind_training_rows(session, outcomes.cutoff_table(instants), parameters)
        as_of.bind_training_features(session, parameters)
        training = as_of.row_slice(session, 1, policy.maximum_rows)
        training_points = _points(session, whole, windows) if with_points else None
    with session_of(source, end, **config) as session:
        session.bind_query("day_activity", _activity(), windows)
        session.bind_view("lead_activity", "select * from day_activity")
        session.bind_view("raw_events", "select * from day_events")
        as_of.bind_histories(session, parameters)
        as_of.bind_open_rows(session, parameters)
        as_of.bind_open_features(session, parameters)
        opened = as_of.row_slice(session, 1, 10**9)
        open_points = _points(session, whole, windows) if with_points else None
    return DayRows(end, instants, training, opened, training_points, open_points)


def _points(session: DuckDBSession, policy: Policy, windows: dict[str, object]) -> pa.Table:
    """Return row_number and points of every row, computed by the product's SQL."""
    end = windows["end_at"]
    assert isinstance(end, dt.datetime)
    scores = policy.dynamic_scores
    parameters = {
        **scores.parameters(),
        "analysed_created_from": end - dt.timedelta(days=scores.analysed_created_days),
        "analysed_active_from": end - dt.timedelta(days=scores.analysed_active_days),
    }
    session.bind_arrow(
        "previous_scores",
        pa.schema([("lead_id", pa.string()), ("score", pa.float64()), ("date", pa.date32())]).empty_table(),
    )
    session.bind_query(
        "pointed_activity",
        "select lead_activity.* replace (coalesce(forecast_rows.dated_status, 'new') as status, 0.0 as base_score) "
        "from lead_activity inner join forecast_rows on lead_activity.lead_id = forecast_rows.row_key",
    )
    named = "with lead_activity as (select * from pointed_activity) select * from ({query}) as result"
    session.bind_query("dynamic_scores", named.format(query=read_sql("dynamic_scores/dynamic_scores")), parameters)
    session.bind_query(
        "predictions",
        named.format(query=read_sql("behavior_predictions/behavior_predictions")),
        policy.behavior_predictions.parameters(),
    )
    return session.query(
        "select forecast_rows.row_number, predictions.conversion_probability as points from forecast_rows "
        "inner join predictions on forecast_rows.row_key = predictions.lead_id"
    ).sort_by("row_number")


@contextlib.contextmanager
def session_of(source: Source, end: dt.datetime, **config: Any) -> Iterator[DuckDBSession]:
    """Open a session with what the raw tables of the day hold: rows before T."""
    with in_memory(**config) as connection:
        connection.execute("set preserve_insertion_order = false")
        session = DuckDBSession(connection)
        _bind(connection, "day_leads", source.leads, "created_at", end)
        _bind(connection, "day_events", source.events, "occurred_at", end)
        _bind(connection, "day_status_changes", source.changes, "changed_at", end)
        yield session


def feature_windows(policy: Policy, end: dt.datetime) -> dict[str, object]:
    """Return the parameters of the features' SQL for a T."""
    return feature_parameters(policy.features, end)


def _activity() -> str:
    """Return lead_activity of the day as one query, each relation of the chain a part of it."""
    inputs = {
        "raw_leads": "select *, status as merged_status, created_at as merged_created_at, "
        "engaged_at as merged_engaged_at, converted_at as merged_converted_at, inactive_at as merged_inactive_at, "
        "unsubscribed_at as merged_unsubscribed_at, false as unsubscribed_unreadable from day_leads",
        "raw_events": "select * from day_events",
        "raw_status_changes": "select * from day_status_changes",
        "raw_referrals": "select null::varchar as referrer_lead_id, null::varchar as status, "
        "null::timestamptz as validated_at where false",
        "lead_combinations": "select null::varchar as lead_id, null::varchar as combination where false",
        "channels": "select null::varchar as combination, null::varchar as platform, null::varchar as channel, "
        "null::varchar as channel_class, null::varchar as channel_detail, null::varchar as channel_rule where false",
        "source_state": "select null::timestamptz as newest_at",
    }
    parts = [f"{name} as materialized ({query})" for name, query in inputs.items()]
    parts += [f"{name} as materialized ({read_sql(file)}\n)" for name, file in as_of.CHAIN]
    return (
        f"with {', '.join(parts)} select lead_activity.* replace (day_leads.channel as channel) "
        "from lead_activity inner join day_leads on lead_activity.lead_id = day_leads.lead_id"
    )


def _bind(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table, column: str, end: dt.datetime) -> None:
    connection.register(f"{name}_all", table)
    connection.execute(f"create temp table {name} as select * from {name}_all where {column} < $end", {"end": end})
    connection.unregister(f"{name}_all")


def _filled(table: pa.Table | None, schema: pa.Schema, defaults: dict[str, Any]) -> pa.Table:
    if table is None:
        return schema.empty_table()
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in table.column_names
        else pa.array([defaults.get(field.name)] * table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def policies(section: dict[str, Any]) -> ForecastPolicy:
    """Return the forecast's policy of a section's values."""
    return ForecastPolicy.model_validate(section)


def ends(days: Sequence[str]) -> list[dt.datetime]:
    """Return T of days in UTC."""
    return [
        dt.datetime.combine(dt.date.fromisoformat(day) + dt.timedelta(days=1), dt.time(), dt.timezone.utc)
        for day in days
    ]

"""Binds the relations of training rows and features in a session, in the order in which the SQL reads them.

Leaves the inputs, named day_leads, day_events, day_status_changes and day_activity, to the asset that binds them.

The features of a past cut-off come from the SQL that makes lead_activity. Each training row becomes a lead of its own,
whose events before the cut-off are moved by the distance of the cut-off from T: all cut-offs are one run of that SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from acquisition_assets.core.engine.session import Parameters, Session
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.features.asset import DELIVERY_PARTS, LEAD_FACTS
from acquisition_assets.features.contract import LEAD_ACTIVITY

OPEN_ROWS, ROW_FEATURES = "forecast_rows", "row_features"
NO_CUTOFFS = pa.schema(
    [("cut", pa.int64()), ("cut_at", pa.timestamp("us", tz="UTC")), ("lead_id", pa.string())]
).empty_table()
FOLDER = "conversion_forecasts"
HISTORIES = ("status_spans", "lead_histories")
SAMPLE = ("sampled_leads", "sampled_events", "shared_deliveries", "foreign_events", "training_rows")
CHAIN = tuple(
    (name, f"lead_activity/{name}") for name in (*DELIVERY_PARTS, "deliveries", *LEAD_FACTS, LEAD_ACTIVITY.table)
)
"""The relations and SQL files that lead_activity is computed with, in order."""
VIEWS = ("deliveries",)
# What lead_activity reads, as of the cut-offs, by the names that its SQL uses. Referrals, changes of status, the latest
# response and types of content make no feature, so these relations are empty.
AS_OF = {"raw_leads": "as_of_leads", "raw_events": "as_of_events"}
EMPTY = {
    "raw_referrals": {
        "referrer_lead_id": pa.string(),
        "status": pa.string(),
        "validated_at": pa.timestamp("us", tz="UTC"),
    },
    "raw_status_changes": {
        "lead_id": pa.string(),
        "status": pa.string(),
        "changed_at": pa.timestamp("us", tz="UTC"),
        "read_order": pa.int64(),
    },
    "lead_combinations": {"lead_id": pa.string(), "combination": pa.string()},
    "channels": dict.fromkeys(
        ("combination", "platform", "channel", "channel_class", "channel_detail", "channel_rule"), pa.string()
    ),
    "latest_responses": {"lead_id": pa.string(), "latest_response_us": pa.int64()},
    "lead_content_types": {"lead_id": pa.string(), "content_types": pa.list_(pa.string())},
    "source_state": {"newest_at": pa.timestamp("us", tz="UTC")},
}


def bind_histories(session: Session, parameters: Parameters) -> None:
    """Bind status_spans and lead_histories: the timed outcomes of every lead. Reads day_leads, day_status_changes."""
    _bind(session, HISTORIES, parameters)


def first_times(session: Session) -> dict[str, Any]:
    """Return the first creation and conversion of the histories, and how many leads and conversions there are."""
    return dict(session.query(read_sql(f"{FOLDER}/first_times")).to_pylist()[0])


def bind_training_rows(session: Session, cutoffs: pa.Table, parameters: Parameters) -> None:
    """Bind training_rows: the sampled leads that are open at each cut-off. Reads the histories and day_events."""
    session.bind_arrow("cutoffs", cutoffs)
    _bind(session, SAMPLE, parameters)


def bind_training_features(session: Session, parameters: Parameters) -> None:
    """Bind row_features: a row per training row with its features as of its cut-off.

    Args:
        session: it has the training rows.
        parameters: those of the features' SQL.
    """
    session.bind_view("forecast_rows", "select * from training_rows")
    for relation, file in AS_OF.items():
        session.bind_query(relation, read_sql(f"{FOLDER}/{file}"), parameters)
    for relation, columns in EMPTY.items():
        session.bind_arrow(relation, pa.schema(list(columns.items())).empty_table())
    for relation, file in CHAIN:
        if relation in EMPTY:
            continue
        if relation in VIEWS:
            session.bind_view(relation, read_sql(file))
        else:
            session.bind_query(relation, read_sql(file), parameters)
    _bind(session, ("event_counts", "row_features"), parameters)


def bind_open_rows(session: Session, parameters: Parameters) -> None:
    """Bind forecast_rows: a row per open lead as of T. Reads the histories and day_activity."""
    session.bind_query(OPEN_ROWS, read_sql(f"{FOLDER}/open_rows"), parameters)


def bind_open_features(session: Session, parameters: Parameters) -> None:
    """Bind row_features: a row per open lead with its features as of T.

    Reads forecast_rows, raw_events, day_leads, and the day's partition of lead_activity, named both day_activity and
    lead_activity.
    """
    _bind(session, ("event_counts", "row_features"), parameters)


def row_slice(session: Session, first: int, last: int, relation: str = ROW_FEATURES) -> pa.Table:
    """Return the rows of a relation with these numbers, in order; default: the features."""
    sql = read_sql(f"{FOLDER}/row_slice").replace(ROW_FEATURES, relation)
    rows = session.query(sql, {"first_row": first, "last_row": last})
    return rows.sort_by("row_number")  # with several threads DuckDB may hand over ordered rows in another order


def _bind(session: Session, relations: Sequence[str], parameters: Parameters) -> None:
    for relation in relations:
        session.bind_query(relation, read_sql(f"{FOLDER}/{relation}"), parameters)

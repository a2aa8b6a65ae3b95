"""Computes features and outputs of one day with one hand-written DuckDB script: the limit for the product.

    python -m bench.by_hand_duckdb LAKE DAY FOLDER [MEMORY_LIMIT]

It reads the raw tables of the lake and writes <table>.parquet below the folder, with the numbers of the shipped policy.
It has no contracts, checks or reports, supports only UTC, and expects each delivery to have one lead and one type.
Work on tens of rows (naming channels, anomaly tests, Wilson bounds) is left to the product's pure functions.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import duckdb
import pyarrow as pa

from acquisition_assets.anomalies.contract import ANOMALIES
from acquisition_assets.anomalies.detect import Evidence, detect
from acquisition_assets.content_recommendations.asset import items_table
from acquisition_assets.policy import Policy, read_policy
from acquisition_assets.social_performance.contract import SOCIAL_PERFORMANCE
from acquisition_assets.social_performance.rates import performance
from bench.channels import FIELDS, channel_rows

SCRIPT = Path(__file__).with_suffix(".sql")
EVIDENCE = """
select
    (select min(created_date) from raw_leads),
    (select min(occurred_at)::date from raw_events where event_type = 'sent'),
    (select count(*) from (select lead_id from deliveries semi join raw_leads using (lead_id)
        where sent_at >= getvariable('recent_from') group by 1 having count(*) >= 10 and count(opened_at) = 0))
"""
SOCIAL = """
select
    channel, platform is not null as is_social, count(*) as total_leads,
    count(*) filter (where status in ('engaged', 'converted')) as engaged_leads,
    sum(score::decimal(18, 2))::double as score_sum, sum(referrals_generated)::bigint as referrals_generated,
    count(*) filter (where referrals_generated > 0) as leads_with_referral
from lead_activity join (select lead_id, score from dynamic_scores) using (lead_id)
where created_at >= getvariable('month_from')
group by 1, 2
"""
TABLES = (
    "lead_activity",
    "daily_metrics",
    "dynamic_scores",
    "behavior_predictions",
    "content_recommendations",
    "lead_segments",
    "segment_changes",
)


def compute(lake: Path, day: dt.date, folder: Path, memory_limit: str | None = None) -> None:
    """Compute the tables of a day from the raw tables of the lake, and write them below the folder."""
    policy = read_policy(None)
    config = {"memory_limit": memory_limit} if memory_limit else {}
    with duckdb.connect(config={**config, "temp_directory": str(folder / "spill")}) as connection:
        run = connection.execute
        run("set TimeZone = 'UTC'; set enable_progress_bar = false; set python_enable_replacements = false")
        _bind(connection, lake, day)
        items = items_table(policy.content_recommendations)
        connection.register("items", items)
        fields = connection.sql(f"select distinct {', '.join(FIELDS)} from raw_leads").to_arrow_table()
        connection.register("channels", channel_rows(fields, policy))
        run(SCRIPT.read_text(encoding="utf-8"))
        for table in TABLES:
            _copy(connection, table, folder)
        _small_tables(connection, policy, day, folder)


def _bind(connection: duckdb.DuckDBPyConnection, lake: Path, day: dt.date) -> None:
    end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), dt.timezone.utc)
    days = {"end_at": end, "recent_from": end - dt.timedelta(days=7), "month_from": end - dt.timedelta(days=30)}
    for name, value in days.items():
        connection.execute(f"set variable {name} = timestamptz '{value.isoformat()}'")
    connection.execute(f"set variable day = date '{day}'")
    for table in ("raw_leads", "raw_referrals", "raw_content", "raw_status_changes", "source_state"):
        connection.execute(f"create view {table} as from read_parquet('{lake}/{table}/date={day}/*.parquet')")
    events = [
        f"'{path}/data.parquet'"
        for path in sorted((lake / "raw_events").glob("date=*"))
        if path.name.removeprefix("date=") <= day.isoformat()
    ]
    connection.execute(f"create view raw_events as from read_parquet([{', '.join(events)}], hive_partitioning = false)")
    before = [day - dt.timedelta(days=n) for n in range(1, 8)]
    scores = [f"'{lake}/dynamic_scores/date={d}/data.parquet'" for d in before if _has(lake, "dynamic_scores", d)]
    connection.execute(
        f"create view previous_scores as select lead_id, score, date from read_parquet([{', '.join(scores)}], "
        "hive_partitioning = true, hive_types = {'date': DATE})"
        if scores
        else "create view previous_scores as select null::text as lead_id, null::double as score, null::date as date "
        "where false"
    )
    segments = [f"'{lake}/lead_segments/date={d}/data.parquet'" for d in before if _has(lake, "lead_segments", d)][:1]
    connection.execute(f"set variable has_previous = {bool(segments)}")
    connection.execute(
        f"create view previous_segments as from read_parquet([{segments[0]}], hive_partitioning = false)"
        if segments
        else "create view previous_segments as select null::text as segment, null::text as lead_id where false"
    )


def _has(lake: Path, table: str, day: dt.date) -> bool:
    return (lake / table / f"date={day}" / "data.parquet").exists()


def _small_tables(connection: duckdb.DuckDBPyConnection, policy: Policy, day: dt.date, folder: Path) -> None:
    metrics = connection.sql("from daily_metrics order by day").to_arrow_table().to_pandas()
    first_lead, first_sent, silent = connection.execute(EVIDENCE).fetchall()[0]
    found = detect(Evidence(metrics, first_lead, first_sent, silent), day, policy.anomalies, policy.locale)
    connection.register("anomalies", ANOMALIES.to_arrow(found))
    counts = connection.sql(SOCIAL).to_arrow_table().to_pandas()
    connection.register("social_performance", _social(performance(counts, policy.social_performance)))
    _copy(connection, "anomalies", folder)
    _copy(connection, "social_performance", folder)


def _social(frame: object) -> pa.Table:
    return SOCIAL_PERFORMANCE.to_arrow(frame)  # type: ignore[arg-type]


def _copy(connection: duckdb.DuckDBPyConnection, table: str, folder: Path) -> None:
    target = folder / f"{table}.parquet"
    connection.execute(f"copy {table} to '{target}' (format parquet, compression zstd, compression_level 1)")


if __name__ == "__main__":
    compute(Path(sys.argv[1]), dt.date.fromisoformat(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:])

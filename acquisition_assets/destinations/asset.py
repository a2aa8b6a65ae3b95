"""Here: the assets that put a day of each published table, and of the reports, into PostgreSQL.

Not here: how a day is replaced (writer.py), and which tables there are (tables.py).
"""

import datetime as dt
import time
from collections.abc import Callable, Iterator

import dagster as dg
import pyarrow as pa

from acquisition_assets.core.assets import OWNERS, Finding, check_spec, failures, partition_day, table_schema
from acquisition_assets.core.contracts import Contract
from acquisition_assets.core.env import Env
from acquisition_assets.core.lake import corrupt
from acquisition_assets.core.postgres import describe_url
from acquisition_assets.destinations.postgres import (
    REPORTS_TABLE,
    SCHEMA,
    count_rows,
    expire,
    publish_reports,
    publish_table,
)
from acquisition_assets.destinations.tables import PUBLISHED, REPORTS

GROUP = "published"
CHECK = "rows_arrived"
CHECK_TEXT = "The database has as many rows of the day as the lake."
Results = Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]


def build(env: Env, url: str, keep_days: int | None = None) -> list[dg.AssetsDefinition]:
    """One asset per published table, and one for the reports.

    Args:
        url: `postgresql://` URL of the database that holds, or gets, the schema `acquisition`.
        keep_days: days to keep there, counted back from the newest; None for all.
    """
    tables = [_table_asset(env, url, keep_days, contract) for contract in PUBLISHED]
    return [*tables, _reports_asset(env, url, keep_days)]


def _table_asset(env: Env, url: str, keep_days: int | None, contract: Contract) -> dg.AssetsDefinition:
    def publish(day: dt.date) -> tuple[int, int]:
        expected = env.lake.row_count(contract.table, day)
        try:
            with env.lake.fs.open(env.lake.file(contract.table, day), "rb") as file:
                publish_table(url, contract, day, file)
        except (pa.ArrowException, OSError) as error:
            raise corrupt(contract.table, str(day), error) from error
        return expected, count_rows(url, contract.table, day)

    spec = _spec(env, contract.table, [contract.table], f"{contract.table} in PostgreSQL. {contract.grain}")
    spec = spec.merge_attributes(metadata={"dagster/column_schema": table_schema(contract)})
    return _asset(env, url, keep_days, contract.table, spec, publish)


def _reports_asset(env: Env, url: str, keep_days: int | None) -> dg.AssetsDefinition:
    def publish(day: dt.date) -> tuple[int, int]:
        reports = {task: env.lake.read_report(day, task) for task in REPORTS}
        return publish_reports(url, day, reports), count_rows(url, REPORTS_TABLE, day)

    deps = [contract.table for contract in REPORTS.values()]
    spec = _spec(env, REPORTS_TABLE, deps, "The six reports in PostgreSQL, one row per day and task, as JSON.")
    return _asset(env, url, keep_days, REPORTS_TABLE, spec, publish)


def _spec(env: Env, table: str, deps: list[str], description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        f"published_{table}",
        deps=deps,
        group_name=GROUP,
        description=description,
        owners=OWNERS,
        kinds={"postgres"},
        metadata={"dagster/table_name": f"{SCHEMA}.{table}"},
        partitions_def=env.partitions,
    )


def _asset(
    env: Env,
    url: str,
    keep_days: int | None,
    table: str,
    spec: dg.AssetSpec,
    publish: Callable[[dt.date], tuple[int, int]],
) -> dg.AssetsDefinition:
    """An asset around a publication that gives the rows there should be and those there are."""
    name = f"published_{table}"

    @dg.multi_asset(name=name, specs=[spec], check_specs=[check_spec(env, name, CHECK, CHECK_TEXT)])
    def published(context: dg.AssetExecutionContext) -> Results:
        day, started = partition_day(context), time.perf_counter()
        with failures(context.retry_number):
            expected, rows = publish(day)
            expired = expire(url, table, keep_days) if keep_days else []
        seconds = time.perf_counter() - started
        env.progress(name, rows, seconds)
        text = f"{rows} rows of {day}, {expected} in the lake"
        yield Finding(CHECK, rows == expected, text, dg.AssetCheckSeverity.ERROR).result(name, day)
        yield dg.MaterializeResult(
            asset_key=name,
            metadata={
                "dagster/row_count": rows,
                "seconds": round(seconds, 3),
                "database": describe_url(url),
                "days_expired": len(expired),
            },
        )

    return published

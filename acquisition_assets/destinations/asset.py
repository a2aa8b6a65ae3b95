"""Builds the assets that deliver each day's tables and reports to a destination.

Replacing a day there is left to the destination's own module, such as `postgres`.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from typing import IO, Protocol

import dagster as dg
import pyarrow as pa

from acquisition_assets.catalog import DELIVERED, REPORTS
from acquisition_assets.core.contracts import Contract
from acquisition_assets.core.env import Env
from acquisition_assets.core.lake import corrupt
from acquisition_assets.core.specs import OWNERS, check_spec, table_schema
from acquisition_assets.core.step import Finding, failures, partition_day

GROUP = "published"
CHECK = "rows_arrived"
CHECK_TEXT = "The destination has as many rows of the day as the lake."
REPORTS_TABLE = "reports"
Results = Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]
Delivery = Callable[[dt.date], tuple[int, int]]
"""Delivers a day, and returns the expected and the delivered number of rows."""


class Destination(Protocol):
    """A place outside the lake that receives its tables, one day at a time."""

    @property
    def kind(self) -> str:
        """Return the kind that Dagster shows, such as `postgres`."""

    @property
    def title(self) -> str:
        """Return the kind for people, such as `PostgreSQL`."""

    @property
    def prefix(self) -> str:
        """Return what the names of its assets begin with, such as `published`; no other destination has it."""

    @property
    def label(self) -> str:
        """Return the destination's name for people, without secrets."""

    def address(self, table: str) -> str:
        """Return the name of a table at the destination."""

    def deliver_table(self, contract: Contract, day: dt.date, file: IO[bytes]) -> int:
        """Replace a day of a table with the rows of a Parquet file under its contract. Return their number."""

    def deliver_reports(self, day: dt.date, reports: dict[str, str]) -> int:
        """Replace a day's reports (task -> JSON text). Return their number."""

    def count_rows(self, table: str, day: dt.date) -> int:
        """Return the number of rows of a delivered day."""

    def expire(self, table: str) -> list[dt.date]:
        """Remove the days of a table that need not be kept, and return them."""


def build(env: Env, destination: Destination) -> list[dg.AssetsDefinition]:
    """Return one asset per delivered table, and one for the reports."""
    tables = [_table_asset(env, destination, contract) for contract in DELIVERED]
    return [*tables, _reports_asset(env, destination)]


def _table_asset(env: Env, destination: Destination, contract: Contract) -> dg.AssetsDefinition:
    def deliver(day: dt.date) -> tuple[int, int]:
        expected = env.lake.row_count(contract.table, day)
        try:
            with env.lake.fs.open(env.lake.file(contract.table, day), "rb") as file:
                destination.deliver_table(contract, day, file)
        except (pa.ArrowException, OSError) as error:
            raise corrupt(contract.table, str(day), error) from error
        return expected, destination.count_rows(contract.table, day)

    description = f"{contract.table} in {destination.title}. {contract.grain}"
    spec = _spec(env, destination, contract.table, [contract.table], description)
    spec = spec.merge_attributes(metadata={"dagster/column_schema": table_schema(contract)})
    return _asset(env, destination, contract.table, spec, deliver)


def _reports_asset(env: Env, destination: Destination) -> dg.AssetsDefinition:
    def deliver(day: dt.date) -> tuple[int, int]:
        reports = {report.task: env.lake.read_report(day, report.task) for report in REPORTS}
        return destination.deliver_reports(day, reports), destination.count_rows(REPORTS_TABLE, day)

    deps = [report.table.table for report in REPORTS]
    description = f"The reports in {destination.title}, one row per day and task, as JSON."
    return _asset(env, destination, REPORTS_TABLE, _spec(env, destination, REPORTS_TABLE, deps, description), deliver)


def _name(destination: Destination, table: str) -> str:
    return f"{destination.prefix}_{table}"


def _spec(env: Env, destination: Destination, table: str, deps: list[str], description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        _name(destination, table),
        deps=deps,
        group_name=GROUP,
        description=description,
        owners=OWNERS,
        kinds={destination.kind},
        metadata={"dagster/table_name": destination.address(table)},
        partitions_def=env.partitions,
    )


def _asset(
    env: Env, destination: Destination, table: str, spec: dg.AssetSpec, deliver: Delivery
) -> dg.AssetsDefinition:
    name = _name(destination, table)

    @dg.multi_asset(name=name, specs=[spec], check_specs=[check_spec(env, name, CHECK, CHECK_TEXT)])
    def published(context: dg.AssetExecutionContext) -> Results:
        day, started = partition_day(context), time.perf_counter()
        with failures(context.retry_number):
            expected, rows = deliver(day)
            expired = destination.expire(table)
        seconds = time.perf_counter() - started
        env.progress(name, rows, seconds)
        text = f"{rows} rows of {day}, {expected} in the lake"
        yield Finding(CHECK, rows == expected, text, dg.AssetCheckSeverity.ERROR).result(name, day)
        yield dg.MaterializeResult(
            asset_key=name,
            metadata={
                "dagster/row_count": rows,
                "seconds": round(seconds, 3),
                "destination": destination.label,
                "days_expired": len(expired),
            },
        )

    return published

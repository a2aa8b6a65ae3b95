"""Runs one table of one day: binds its inputs, stages it, checks it and publishes it to the lake.

The description of assets is left to `specs`; what a table holds is left to its product.
"""

import contextlib
import datetime as dt
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets.core.contracts import Contract, Violation
from acquisition_assets.core.days import last_days
from acquisition_assets.core.engine.session import Parameters, Session
from acquisition_assets.core.engine.slices import WHOLE, Slices
from acquisition_assets.core.env import Env
from acquisition_assets.core.errors import AcquisitionError, describe_defect, describe_error
from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.numbers import round_half_up
from acquisition_assets.core.specs import preview
from acquisition_assets.core.sql_files import read_sql

PREVIEW_ROWS = 5
SHOWN_DECIMALS = 4
MAX_RETRIES = 3
FIRST_RETRY_SECONDS = 2
INTERRUPTIONS = ("Query interrupted", "INTERRUPT Error: Interrupted")
"""Messages that DuckDB gives when the user presses Ctrl-C."""
ROUNDING = 0.005
"""Largest difference between equal numbers, as published numbers have two decimals."""

Comparison = Sequence[tuple[str, object, object]]
"""Numbers compared with a second computation: (what, published, recomputed)."""


def partition_day(context: dg.AssetExecutionContext) -> dt.date:
    """Return the business day that a step runs for."""
    return dt.date.fromisoformat(context.partition_key)


@contextlib.contextmanager
def failures(attempt: int = 0) -> Iterator[None]:
    """Turn the project's errors into Dagster failures, and retry only what may pass.

    Steps have no retry policy: with one, Dagster would rerun a step that the user has interrupted.

    Args:
        attempt: how often the step was tried before. Each wait is twice as long as the last.
    """
    try:
        yield
    except AcquisitionError as error:
        failure = _failure(str(error), int(error.exit_code))
        if error.retryable:
            wait = FIRST_RETRY_SECONDS * 2**attempt
            raise dg.RetryRequested(max_retries=MAX_RETRIES, seconds_to_wait=wait) from failure
        raise failure from None
    except dg.Failure:
        raise
    except Exception as error:
        if str(error).strip().rstrip(".!") in INTERRUPTIONS:
            raise KeyboardInterrupt from None
        # a defect or a broken disk does not pass on retry
        is_expected = isinstance(error, OSError) or describe_error(error) != type(error).__name__
        raise _failure(describe_error(error) if is_expected else describe_defect(error)) from None


def _failure(description: str, exit_code: int | None = None) -> dg.Failure:
    """Return a failure that is not retried. It names no cause: Dagster would store the texts of libraries with it."""
    metadata = {} if exit_code is None else {"exit_code": exit_code}
    return dg.Failure(description=sanitize(description), metadata=metadata, allow_retries=False)


@dataclass
class Step:
    """One table of one day while it is made: staged, validated, compared, published."""

    env: Env
    contract: Contract
    day: dt.date
    session: Session
    folder: Path
    started: float = field(default_factory=time.perf_counter)
    rows: int = 0

    @property
    def staged(self) -> Path:
        """Return the file that holds the table until it is published."""
        return self.folder / f"{self.contract.table}.parquet"

    def bind(self, contract: Contract, days: Sequence[dt.date] | None = None, name: str | None = None) -> list[dt.date]:
        """Name the rows of a table of the lake on these days (default: this day). Return the days that the lake has.

        Raises:
            AcquisitionError: the lake lacks the table on this day.
        """
        have = set(self.env.lake.days(contract.table))
        found = [day for day in (days if days is not None else [self.day]) if day in have]
        if days is None and not found:
            raise AcquisitionError(
                f"{self.contract.table} of {self.day} needs {contract.table} of that day; make it with: "
                f"acquisition run --date {self.day}"
            )
        files = self.env.lake.snapshot_files(contract.table, found, self.folder)
        self.session.bind(name or contract.table, contract, files)
        return found

    def bind_history(self, contract: Contract) -> list[dt.date]:
        """Name the rows of a table of every day up to this one. Return the days that the lake has."""
        return self.bind(contract, [day for day in self.env.lake.days(contract.table) if day <= self.day])

    def earlier_days(self, days: int) -> list[dt.date]:
        """Return this many days before the step's day, oldest first."""
        return last_days(self.day - dt.timedelta(days=1), days)

    def write_query(self, sql: str, parameters: Parameters | None = None, slices: Slices = WHOLE) -> None:
        """Stage the rows of a SQL file, and name them `staged`."""
        self.rows = self.session.write(read_sql(sql), self.contract, self.staged, parameters, slices)
        self.session.bind_staged(self.staged)

    def write_table(self, table: pa.Table) -> None:
        """Stage a small Arrow table, and name its rows `staged`."""
        pq.write_table(table.cast(self.contract.arrow_schema), self.staged)
        self.rows = table.num_rows
        self.session.bind_staged(self.staged)

    def query(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        """Return the rows of a SQL file that yields few."""
        return self.session.query(read_sql(sql), parameters)

    def row(self, sql: str, parameters: Parameters | None = None) -> dict[str, Any]:
        """Return the only row of a SQL file."""
        (found,) = self.query(sql, parameters).to_pylist()
        return dict(found)

    def numbers(self, sql: str, parameters: Parameters | None = None) -> dict[str, Any]:
        """Return the only row of a SQL file as metadata that the UI draws over the days: rounded, without nulls."""
        return {name: rounded(value) for name, value in self.row(sql, parameters).items() if value is not None}

    def compare(self, parameters: Parameters | None = None) -> Comparison:
        """Compare the row of the table's `published.sql` with that of its `recomputed.sql`, column by column."""
        published = self.row(f"{self.contract.table}/published", parameters)
        recomputed = self.row(f"{self.contract.table}/recomputed", parameters)
        return [(what, published[what], recomputed[what]) for what in published]

    def violations(self) -> list[Violation]:
        """Return the contract's rules that the staged table breaks."""
        return self.session.violations(self.contract, [self.staged])

    def metadata(self) -> dict[str, Any]:
        """Return what the UI shows of every table: rows, size, seconds and its first rows."""
        order = f" order by {', '.join(self.contract.key)}" if self.contract.key else ""
        columns = ", ".join(self.contract.columns)
        first = self.session.query(f"select {columns} from staged{order} limit {PREVIEW_ROWS}")
        return {
            "dagster/row_count": self.rows,
            "bytes": self.staged.stat().st_size,
            "seconds": round(time.perf_counter() - self.started, 3),
            "preview": dg.MetadataValue.md(preview(self.contract, first)),
        }

    def publish(self) -> None:
        """Swap the staged table into the lake."""
        self.env.lake.publish(self.staged, self.contract.table, self.day)
        self.env.progress(self.contract.table, self.rows, time.perf_counter() - self.started)


@dataclass(frozen=True)
class Finding:
    """The outcome of one check of a table."""

    check: str
    passed: bool
    description: str
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def result(self, asset: str, day: dt.date) -> dg.AssetCheckResult:
        """Return the finding as Dagster records it."""
        return dg.AssetCheckResult(
            asset_key=asset,
            check_name=self.check,
            passed=self.passed,
            severity=self.severity,
            description=sanitize(self.description),
            metadata={"partition": day.isoformat(), **self.metadata},
        )


def rounded(number: Any) -> Any:
    """Return a number as metadata shows it, with four decimals at most."""
    return round_half_up(number, SHOWN_DECIMALS) if isinstance(number, float) else number


def contract_result(contract: Contract, violations: Sequence[Violation], day: dt.date) -> dg.AssetCheckResult:
    """Return the outcome of the check `contract`."""
    text = "; ".join(map(str, violations)) or f"{len(contract.columns)} columns as the contract says"
    finding = Finding("contract", not violations, text, dg.AssetCheckSeverity.ERROR, {"rules_broken": len(violations)})
    return finding.result(contract.table, day)


def comparison_result(contract: Contract, comparison: Comparison, day: dt.date) -> dg.AssetCheckResult:
    """Return the outcome of the check `recomputed`."""
    text = describe_differences(comparison) or "; ".join(f"{what}: {ours}" for what, ours, _ in comparison)
    passed = not describe_differences(comparison)
    return Finding("recomputed", passed, text, dg.AssetCheckSeverity.ERROR).result(contract.table, day)


def describe_differences(comparison: Comparison) -> str:
    """Return the numbers that the two computations disagree on, or an empty text."""
    return "; ".join(
        f"{what}: published {ours}, recomputed {theirs}" for what, ours, theirs in comparison if not _same(ours, theirs)
    )


def _same(ours: object, theirs: object) -> bool:
    if isinstance(ours, float) or isinstance(theirs, float):
        return abs(float(str(ours)) - float(str(theirs))) <= ROUNDING
    return ours == theirs

"""Here: how a table becomes a Dagster asset: its spec, checks, metadata, and the way from a query to a partition.

Not here: which tables there are.
"""

import contextlib
import datetime as dt
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

from acquisition_assets.core.contracts import Contract, Violation, contract_error, describe_checks
from acquisition_assets.core.engine.session import Parameters, Session
from acquisition_assets.core.engine.slices import WHOLE, Slices
from acquisition_assets.core.env import Env
from acquisition_assets.core.errors import AcquisitionError
from acquisition_assets.core.sql_files import read_sql

OWNERS = ["team:growth", "team:data"]
PREVIEW_ROWS = 5
MAX_RETRIES = 3
FIRST_RETRY_SECONDS = 2
INTERRUPTIONS = ("Query interrupted", "INTERRUPT Error: Interrupted")
"""What DuckDB makes of the user's Ctrl-C."""
MASK = "•••"


# -- what the UI shows ----------------------------------------------------------------------------------------------


def table_schema(contract: Contract) -> dg.TableSchema:
    """The contract as the Columns panel of the UI shows it."""
    columns = []
    for name, spec in contract.columns.items():
        unit = contract.unit(name)
        columns.append(
            dg.TableColumn(
                name=name,
                type=contract.kind(name).value,
                description=f"{spec.description} [{unit}]" if unit else spec.description,
                constraints=dg.TableColumnConstraints(
                    nullable=bool(spec.nullable), unique=contract.key == (name,), other=describe_checks(spec)
                ),
                tags={"personal": ""} if contract.is_personal(name) else None,
            )
        )
    return dg.TableSchema(
        columns=columns, constraints=dg.TableConstraints(other=[rule.description for rule in contract.rules])
    )


def column_lineage(contract: Contract) -> dg.TableColumnLineage | None:
    """Which columns of other tables each column is derived from, where the contract says so."""
    deps = {
        name: [
            dg.TableColumnDep(asset_key=dg.AssetKey(table), column_name=source)
            for table, source in (origin.split(".") for origin in contract.lineage(name))
        ]
        for name in contract.columns
        if contract.lineage(name)
    }
    return dg.TableColumnLineage(deps_by_column=deps) if deps else None


def asset_spec(
    env: Env,
    contract: Contract,
    *,
    group: str,
    description: str,
    deps: Sequence[Any] = (),
    kinds: set[str] | None = None,
) -> dg.AssetSpec:
    """The spec of a table's asset: all that is known before it runs."""
    metadata: dict[str, Any] = {
        "dagster/column_schema": table_schema(contract),
        "dagster/table_name": contract.table,
        "grain": contract.grain,
        "key": ", ".join(contract.key) or "none",
    }
    lineage = column_lineage(contract)
    if lineage:
        metadata["dagster/column_lineage"] = lineage
    return dg.AssetSpec(
        contract.table,
        deps=list(deps),
        group_name=group,
        description=description,
        owners=OWNERS,
        kinds=kinds or {"parquet", env.engine.name},
        metadata=metadata,
        partitions_def=env.partitions,
    )


def check_spec(env: Env, asset: str, name: str, description: str) -> dg.AssetCheckSpec:
    """A check whose results belong to partitions, which Dagster calls a preview each time (decision 4)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(name, asset=asset, description=description, partitions_def=env.partitions)


def contract_check_spec(env: Env, contract: Contract) -> dg.AssetCheckSpec:
    """The check that a table keeps its contract."""
    return check_spec(env, contract.table, "contract", f"Every rule of the contract of {contract.table} holds.")


def preview(contract: Contract, rows: pa.Table) -> str:
    """The first rows as a Markdown table, with personal data masked."""
    shown = [name for name in contract.columns if not contract.is_personal(name)]
    masked = [name for name in contract.columns if contract.is_personal(name)]
    lines = ["| " + " | ".join([*shown, *masked]) + " |", "|" + " --- |" * len(contract.columns)]
    lines += [
        "| " + " | ".join([*(_cell(row[name]) for name in shown), *(MASK for _ in masked)]) + " |"
        for row in rows.to_pylist()
    ]
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")[:60]


# -- running ----------------------------------------------------------------------------------------------------------


def partition_day(context: dg.AssetExecutionContext) -> dt.date:
    """The business day that a step runs for."""
    return dt.date.fromisoformat(context.partition_key)


@contextlib.contextmanager
def failures(attempt: int = 0) -> Iterator[None]:
    """Turn the project's errors into Dagster failures; only what can pass on retry is retried.

    The steps have no retry policy: with one, Dagster would run a step again that the user has interrupted.

    Args:
        attempt: how often the step was tried before; each wait is twice as long as the one before.
    """
    try:
        yield
    except AcquisitionError as error:
        failure = dg.Failure(description=str(error), metadata={"exit_code": error.exit_code}, allow_retries=False)
        failure.__cause__ = error
        if error.retryable:
            wait = FIRST_RETRY_SECONDS * 2**attempt
            raise dg.RetryRequested(max_retries=MAX_RETRIES, seconds_to_wait=wait) from failure
        raise failure from error
    except dg.Failure:
        raise
    except Exception as error:
        if str(error).strip().rstrip(".!") in INTERRUPTIONS:
            raise KeyboardInterrupt from error
        # a defect, or a broken disk: it will not pass on retry
        raise dg.Failure(description=f"{type(error).__name__}: {error}", allow_retries=False) from error


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
        """Where the table lies until it is published."""
        return self.folder / f"{self.contract.table}.parquet"

    def bind(self, contract: Contract, days: Sequence[dt.date] | None = None, name: str | None = None) -> list[dt.date]:
        """Name the rows of a table of the lake on these days (default: this one); the days that the lake has."""
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

    def write_query(self, sql: str, parameters: Parameters | None = None, slices: Slices = WHOLE) -> None:
        """Stage the rows of a SQL file, and name them `staged`."""
        self.rows = self.session.write(read_sql(sql), self.contract, self.staged, parameters, slices)
        self.session.bind_staged(self.staged)

    def write_table(self, table: pa.Table) -> None:
        """Stage an Arrow table of few rows, and name them `staged`."""
        pq.write_table(table.cast(self.contract.arrow_schema), self.staged)
        self.rows = table.num_rows
        self.session.bind_staged(self.staged)

    def query(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        """The rows of a SQL file that gives few."""
        return self.session.query(read_sql(sql), parameters)

    def violations(self) -> list[Violation]:
        """The contract's rules that the staged table breaks."""
        return self.session.violations(self.contract, [self.staged])

    def metadata(self) -> dict[str, Any]:
        """What is shown of every table: rows, size, seconds, and its first rows."""
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
        """Swap the staged table in."""
        self.env.lake.publish(self.staged, self.contract.table, self.day)
        self.env.progress(self.contract.table, self.rows, time.perf_counter() - self.started)


def contract_result(contract: Contract, violations: Sequence[Violation], day: dt.date) -> dg.AssetCheckResult:
    """The outcome of the check `contract`."""
    return dg.AssetCheckResult(
        asset_key=contract.table,
        check_name="contract",
        passed=not violations,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(map(str, violations)) or f"{len(contract.columns)} columns as the contract says",
        metadata={"partition": day.isoformat(), "rules_broken": len(violations)},
    )


@dataclass(frozen=True)
class Finding:
    """The outcome of one more check of a table."""

    check: str
    passed: bool
    description: str
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def result(self, asset: str, day: dt.date) -> dg.AssetCheckResult:
        """The finding as Dagster records it."""
        return dg.AssetCheckResult(
            asset_key=asset,
            check_name=self.check,
            passed=self.passed,
            severity=self.severity,
            description=self.description,
            metadata={"partition": day.isoformat(), **self.metadata},
        )


@dataclass(frozen=True)
class Output:
    """One output table: how it is made, checked, summarised and drawn.

    produce: binds inputs and stages the table; recompute: compares numbers that were found in another way, as triples
    (what, published, recomputed); task and report: name and typed summary; plot: a small SVG; findings: the results of
    the further checks that `checks` describes by name; details: more metadata.
    """

    contract: Contract
    description: str
    deps: Sequence[Any]
    produce: Callable[[Step], None]
    recompute: Callable[[Step], Sequence[tuple[str, object, object]]]
    recomputed_text: str
    task: str | None = None
    report: Callable[[Step], BaseModel] | None = None
    plot: Callable[[Step], str] | None = None
    checks: Mapping[str, str] = field(default_factory=dict)
    findings: Callable[[Step], Sequence[Finding]] | None = None
    details: Callable[[Step], Mapping[str, Any]] | None = None
    group: str = "outputs"
    kinds: frozenset[str] = frozenset()


def output_asset(env: Env, output: Output) -> dg.AssetsDefinition:
    """The Dagster asset of an output table."""
    contract = output.contract
    spec = asset_spec(
        env,
        contract,
        group=output.group,
        description=output.description,
        deps=output.deps,
        kinds=set(output.kinds) or None,
    )
    specs = [
        contract_check_spec(env, contract),
        check_spec(env, contract.table, "recomputed", output.recomputed_text),
        *(check_spec(env, contract.table, name, text) for name, text in output.checks.items()),
    ]

    @dg.multi_asset(name=contract.table, specs=[spec], check_specs=specs)
    def compute(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        day = partition_day(context)
        with (
            failures(context.retry_number),
            env.ordering(contract.table, day),
            env.lake.staging() as folder,
            env.engine.session(folder) as session,
        ):
            step = Step(env, contract, day, session, folder)
            output.produce(step)
            yield from checked(step, output.recompute)
            metadata = {**step.metadata(), **(output.details(step) if output.details else {})}
            if output.plot:
                metadata["plot"] = dg.MetadataValue.md(output.plot(step))
            findings = output.findings(step) if output.findings else ()
            report = output.report(step) if output.report else None
            step.publish()
            if report is not None and output.task:
                env.lake.publish_report(report.model_dump_json(indent=2) + "\n", day, output.task)
                metadata["report"] = f"reports/date={day}/{output.task}.json"
            for finding in findings:
                yield finding.result(contract.table, day)
            yield dg.MaterializeResult(asset_key=contract.table, metadata=metadata)

    return compute


def checked(
    step: Step, recompute: Callable[[Step], Sequence[tuple[str, object, object]]]
) -> Iterator[dg.AssetCheckResult]:
    """The results of the checks `contract` and `recomputed`; a table that fails one is not published.

    Raises:
        ContractError: after the failed result.
    """
    contract, day = step.contract, step.day
    violations = step.violations()
    yield contract_result(contract, violations, day)
    if violations:
        raise contract_error(contract.table, day, violations)
    pairs = recompute(step)
    differing = [
        f"{what}: published {ours}, recomputed {theirs}" for what, ours, theirs in pairs if not _same(ours, theirs)
    ]
    text = "; ".join(differing) or "; ".join(f"{what}: {ours}" for what, ours, _ in pairs)
    yield Finding("recomputed", not differing, text, dg.AssetCheckSeverity.ERROR).result(contract.table, day)
    if differing:
        raise contract_error(contract.table, day, [Violation(f"recomputed otherwise: {text}", len(differing))])


def _same(ours: object, theirs: object) -> bool:
    if isinstance(ours, float) or isinstance(theirs, float):
        return abs(float(str(ours)) - float(str(theirs))) <= 0.005
    return ours == theirs

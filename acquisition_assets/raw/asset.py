"""Here: the assets of the raw tables and the quarantine: one step, because they are read together, as of one moment.

Not here: how rows are checked (ingest.py).
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets.core.assets import (
    Finding,
    asset_spec,
    check_spec,
    contract_check_spec,
    contract_result,
    failures,
    partition_day,
)
from acquisition_assets.core.contracts import contract_error
from acquisition_assets.core.days import UTC, day_of, end_of_day
from acquisition_assets.core.engine.duckdb import DuckDBSession
from acquisition_assets.core.env import Env
from acquisition_assets.core.errors import InputError, QuarantineError
from acquisition_assets.inputs.source import Source
from acquisition_assets.inputs.tables import INPUTS
from acquisition_assets.raw.contract import QUARANTINE, RAW, RAW_ALIASES, SOURCE_STATE
from acquisition_assets.raw.ingest import Counts, Ingested, Ingestion, wanted_events
from acquisition_assets.raw.policy import IngestionPolicy, VocabularyPolicy

STEP = "ingest"
LAST_INSTANT = dt.datetime(9999, 12, 30, tzinfo=UTC)
"""The last whose day is a date in every time zone."""
TEXTS = {
    "leads": "Leads created before the end of the day, as the source has them.",
    "events": "What happened to deliveries on the day; late rows of the days before are added to their own days.",
    "referrals": "Who referred whom, until the end of the day.",
    "content": "The catalogue of content items.",
    "status_changes": "When leads changed their status, until the end of the day.",
}
Results = Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]


def build(
    env: Env, source: Source, vocabulary: VocabularyPolicy, policy: IngestionPolicy, *, full: bool = False
) -> dg.AssetsDefinition:
    """The multi-asset that reads a source into the raw tables and the quarantine.

    Args:
        full: read all events again, not only those of the last days and of days that the lake lacks.
    """
    kinds = {"parquet", "duckdb"}
    specs = [asset_spec(env, RAW[name], group="raw", description=text, kinds=kinds) for name, text in TEXTS.items()]
    quarantined = "Rows of this run that break their table's contract, as read, each with its reason."
    specs.append(asset_spec(env, RAW_ALIASES, group="raw", description="Other ids of leads.", kinds=kinds))
    specs.append(asset_spec(env, SOURCE_STATE, group="raw", description="When the source was read.", kinds=kinds))
    specs.append(asset_spec(env, QUARANTINE, group="raw", description=quarantined, kinds=kinds))
    checks = [contract_check_spec(env, contract) for contract in (*RAW.values(), QUARANTINE)]
    for contract in RAW.values():
        text = "Rows read = accepted + quarantined + exact duplicates + rows of the future."
        checks.append(check_spec(env, contract.table, "rows_add_up", text))
        text = (
            f"No row is in quarantine (else WARN); more than {policy.quarantine_error_percent:g} % and at least "
            f"{policy.quarantine_error_rows} rows are an ERROR that stops the day."
        )
        checks.append(check_spec(env, contract.table, "quarantine", text))

    @dg.multi_asset(name=STEP, specs=specs, check_specs=checks)
    def ingest(context: dg.AssetExecutionContext) -> Results:
        day = partition_day(context)
        with failures(context.retry_number), env.ordering(STEP, day):
            yield from _ingest(env, source, vocabulary, policy, day, full)

    return ingest


def _ingest(
    env: Env, source: Source, vocabulary: VocabularyPolicy, policy: IngestionPolicy, day: dt.date, full: bool
) -> Results:
    with (
        env.lake.exclusive(STEP),
        env.lake.staging() as folder,
        env.engine.local.connect(folder) as connection,
    ):
        wanted = wanted_events(env.lake.days("raw_events"), day, env.tz, policy.late_arrival_days, full)
        with source.open(connection, folder, wanted) as tables:
            run = Ingestion(
                connection, tables, env.lake, folder, day=day, tz=env.tz, wanted=wanted, vocabulary=vocabulary
            )
            ingested = run.run()
            first = run.first_lead_at()
            if first is not None and first >= wanted.end:
                created = day_of(min(first, LAST_INSTANT), env.tz)
                raise InputError(
                    f"{day} is before the data: the first lead of {source.label} was created on {created}; "
                    "choose that day or a later one"
                )
            yield from _judge(env, ingested, DuckDBSession(connection), policy, day, _newest(run))


def _newest(run: Ingestion) -> Any:
    """Return the newest time of the source that can be read."""
    times = [
        run._row(f"select max({run._parsed(INPUTS[name], INPUTS[name].time)}) from {table.relation} as src")[0]
        for name, table in run.tables.items()
        if name != "content"
    ]
    return max((time for time in times if time is not None), default=None)


def _judge(
    env: Env, ingested: Ingested, session: DuckDBSession, policy: IngestionPolicy, day: dt.date, newest: Any
) -> Results:
    """Check results, then publication of all tables, or of the quarantine alone where too many rows are bad."""
    too_bad = [counts for counts in ingested.counts.values() if counts.is_error(policy)]
    for name, counts in ingested.counts.items():
        yield _adds_up(counts).result(RAW[name].table, day)
        yield _quarantine(counts, ingested, policy).result(RAW[name].table, day)
    broken = []
    for contract in (*RAW.values(), QUARANTINE):
        files = [path for (table, _), path in ingested.files.items() if table == contract.table]
        violations = session.violations(contract, files, unique=contract.table != "raw_events")
        yield contract_result(contract, violations, day)
        broken += [contract_error(contract.table, day, violations)] if violations else []
    if broken:
        raise broken[0]
    if not all(counts.adds_up for counts in ingested.counts.values()):
        lost = next(counts for counts in ingested.counts.values() if not counts.adds_up)
        raise QuarantineError(f"the rows of {lost.table} on {day} do not add up ({lost}); nothing was published")
    if too_bad:
        env.lake.publish(ingested.files["quarantine", day], "quarantine", day)
        bad, rows = too_bad[0].bad_rows()
        raise QuarantineError(
            f"{too_bad[0].table}: {bad} of {rows} rows are bad ({_reasons(too_bad[0].table, ingested)}), more than "
            f"{policy.quarantine_error_percent:g} %; nothing was replaced; look at quarantine/date={day}, repair the "
            "source and run the day again"
        )
    for (table, partition), path in sorted(ingested.files.items(), key=lambda item: item[0]):
        _publish(env, path, table, partition)
    for name, counts in ingested.counts.items():
        env.progress(RAW[name].table, counts.accepted, 0.0)
        yield dg.MaterializeResult(asset_key=RAW[name].table, metadata=_metadata(env, counts, ingested, day))
    end = end_of_day(day, env.tz)
    state = [{"read_at": end, "newest_at": newest, "is_stale_leads": False, "is_stale_events": False}]
    for contract, rows in ((RAW_ALIASES, []), (SOURCE_STATE, state)):
        path = ingested.files["quarantine", day].with_name(f"{contract.table}.parquet")
        pq.write_table(pa.Table.from_pylist(rows, schema=contract.arrow_schema), path)
        env.lake.publish(path, contract.table, day)
        yield dg.MaterializeResult(asset_key=contract.table, metadata={"dagster/row_count": len(rows)})
    total = sum(counts.quarantined for counts in ingested.counts.values())
    yield dg.MaterializeResult(asset_key="quarantine", metadata={"dagster/row_count": total})


def _adds_up(counts: Counts) -> Finding:
    text = (
        f"{counts.read} read = {counts.accepted} accepted + {counts.quarantined} quarantined + "
        f"{counts.exact_duplicates} exact duplicates + {counts.future} of the future"
    )
    return Finding("rows_add_up", counts.adds_up, text, dg.AssetCheckSeverity.ERROR)


def _quarantine(counts: Counts, ingested: Ingested, policy: IngestionPolicy) -> Finding:
    severity = dg.AssetCheckSeverity.ERROR if counts.is_error(policy) else dg.AssetCheckSeverity.WARN
    text = f"{counts.quarantined} of {counts.read} rows in quarantine"
    if counts.quarantined:
        text += f" ({_reasons(counts.table, ingested)})"
    return Finding("quarantine", not counts.quarantined, text, severity, {"rows": counts.quarantined})


def _reasons(table: str, ingested: Ingested) -> str:
    return ", ".join(f"{reason}: {count}" for reason, count in ingested.reasons.get(table, {}).items())


def _metadata(env: Env, counts: Counts, ingested: Ingested, day: dt.date) -> dict[str, Any]:
    """What is shown of a raw table: the rows of the day's partition, and what became of those that the run read."""
    metadata: dict[str, Any] = {
        "dagster/row_count": env.lake.row_count(RAW[counts.table].table, day),
        "rows_read": counts.read,
        "rows_accepted": counts.accepted,
        "rows_quarantined": counts.quarantined,
        "rows_exact_duplicates": counts.exact_duplicates,
        "rows_of_the_future": counts.future,
    }
    if counts.table == "events":
        metadata["days_written"] = sum(1 for table, _ in ingested.files if table == "raw_events")
    if counts.table in ingested.missing_tables:
        metadata["warning"] = f"the source has no {counts.table}; it is taken as empty"
    return metadata


def _publish(env: Env, path: Any, table: str, day: dt.date) -> None:
    if path.name == "empty.parquet":  # one staged file serves every day without events
        copy = path.with_name(f"empty-{day}.parquet")
        copy.write_bytes(path.read_bytes())
        path = copy
    env.lake.publish(path, table, day)

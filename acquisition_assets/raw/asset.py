"""Makes the assets of the raw tables and the quarantine in one step, because they are read as of one moment.

Does not check rows (see `raw.ingest`).
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets.core.contracts import contract_error
from acquisition_assets.core.days import UTC, day_of, end_of_day
from acquisition_assets.core.engine.duckdb import DuckDBSession
from acquisition_assets.core.env import Env
from acquisition_assets.core.errors import InputError, QuarantineError
from acquisition_assets.core.specs import ORDERED_DAYS, asset_spec, check_spec, contract_check_spec
from acquisition_assets.core.step import Finding, contract_result, failures, partition_day
from acquisition_assets.inputs.source import Source
from acquisition_assets.inputs.tables import INPUTS
from acquisition_assets.inputs.vocabulary import VocabularyPolicy
from acquisition_assets.raw.contract import QUARANTINE, RAW, RAW_ALIASES, RAW_EVENTS, SOURCE_STATE
from acquisition_assets.raw.counts import Counts
from acquisition_assets.raw.ingest import Ingested, ingest
from acquisition_assets.raw.policy import IngestionPolicy
from acquisition_assets.raw.rows import Reading, Run
from acquisition_assets.raw.windows import wanted_events

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

    @dg.multi_asset(name=STEP, specs=specs, check_specs=checks, op_tags={ORDERED_DAYS: "true"})
    def compute(context: dg.AssetExecutionContext) -> Results:
        day = partition_day(context)
        with failures(context.retry_number), env.ordering(STEP, day):
            yield from _ingest(env, source, vocabulary, policy, day, full)

    return compute


def _ingest(
    env: Env, source: Source, vocabulary: VocabularyPolicy, policy: IngestionPolicy, day: dt.date, full: bool
) -> Results:
    with (
        env.lake.exclusive(STEP),
        env.lake.staging() as folder,
        env.engine.local.connect(folder) as connection,
    ):
        wanted = wanted_events(env.lake.days(RAW_EVENTS.table), day, env.tz, policy.late_arrival_days, full)
        with source.open(connection, folder, wanted) as tables:
            run = Run(connection, env.lake, folder, day, env.tz, wanted, vocabulary)
            ingested = ingest(run, tables)
            first = ingested.first_lead_at
            if first is not None and first >= wanted.end:
                created = day_of(min(first, LAST_INSTANT), env.tz)
                raise InputError(
                    f"{day} is before the data: the first lead of {source.label} was created on {created}; "
                    "choose that day or a later one"
                )
            yield from _publish(env, ingested, DuckDBSession(connection), policy, day)
            yield from _publish_state(env, run, tables)


def _publish_state(env: Env, run: Run, tables: Any) -> Results:
    """Publish no alias, and the newest time of the source that can be read."""
    times = []
    for name, table in tables.items():
        if name != "content":
            reading = Reading(INPUTS[name], table, None, None)  # type: ignore[arg-type]
            times.append(run.row(f"select max({reading.parsed(INPUTS[name].time)}) from {reading.relation} as src")[0])
    newest = max((time for time in times if time is not None), default=None)
    end = end_of_day(run.day, env.tz)
    state = [{"read_at": end, "newest_at": newest, "is_stale_leads": False, "is_stale_events": False}]
    for contract, rows in ((RAW_ALIASES, []), (SOURCE_STATE, state)):
        path = run.folder / f"{contract.table}.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema=contract.arrow_schema), path)
        env.lake.publish(path, contract.table, run.day)
        yield dg.MaterializeResult(asset_key=contract.table, metadata={"dagster/row_count": len(rows)})


def _publish(env: Env, ingested: Ingested, session: DuckDBSession, policy: IngestionPolicy, day: dt.date) -> Results:
    """Return the check results, then publish all tables, or the quarantine alone where too many rows are bad."""
    too_bad = [counts for counts in ingested.counts.values() if counts.is_error(policy)]
    for name, counts in ingested.counts.items():
        yield _adds_up(counts).result(RAW[name].table, day)
        yield _quarantine(counts, ingested, policy).result(RAW[name].table, day)
    broken = []
    for contract in (*RAW.values(), QUARANTINE):
        files = list(dict.fromkeys(staged.path for staged in ingested.staged if staged.table == contract.table))
        violations = session.violations(contract, files, unique=contract is not RAW_EVENTS)
        yield contract_result(contract, violations, day)
        broken += [contract_error(contract.table, day, violations)] if violations else []
    if broken:
        raise broken[0]
    if not all(counts.adds_up for counts in ingested.counts.values()):
        lost = next(counts for counts in ingested.counts.values() if not counts.adds_up)
        raise QuarantineError(f"the rows of {lost.table} on {day} do not add up ({lost}); nothing was published")
    if too_bad:
        quarantine = next(staged for staged in ingested.staged if staged.table == QUARANTINE.table)
        env.lake.publish(quarantine.path, quarantine.table, day)
        bad, rows = too_bad[0].bad_rows()
        raise QuarantineError(
            f"{too_bad[0].table}: {bad} of {rows} rows are bad ({_reasons(too_bad[0].table, ingested)}), more than "
            f"{policy.quarantine_error_percent:g} %; nothing was replaced; look at quarantine/date={day}, repair the "
            "source and run the day again"
        )
    for staged in sorted(ingested.staged, key=lambda staged: (staged.table, staged.day)):
        env.lake.publish(staged.own_path(), staged.table, staged.day)
    for name, counts in ingested.counts.items():
        env.progress(RAW[name].table, counts.accepted, 0.0)
        yield dg.MaterializeResult(asset_key=RAW[name].table, metadata=_metadata(env, counts, ingested, day))
    total = sum(counts.quarantined for counts in ingested.counts.values())
    yield dg.MaterializeResult(asset_key=QUARANTINE.table, metadata={"dagster/row_count": total})


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
        metadata["days_written"] = sum(staged.table == RAW_EVENTS.table for staged in ingested.staged)
    if counts.table in ingested.missing_tables:
        metadata["warning"] = f"the source has no {counts.table}; it is taken as empty"
    return metadata

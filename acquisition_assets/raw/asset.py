"""Makes the assets of the raw tables and the quarantine in one step, because they are read as of one moment.

Does not check rows (see `raw.ingest`) or say in words what was found (see `raw.findings`).
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from acquisition_assets.core.contracts import contract_error
from acquisition_assets.core.days import UTC, end_of_day
from acquisition_assets.core.engine.duckdb import DuckDBSession
from acquisition_assets.core.env import Env
from acquisition_assets.core.errors import QuarantineError
from acquisition_assets.core.specs import ORDERED_DAYS, asset_spec, check_spec, contract_check_spec
from acquisition_assets.core.step import contract_result, failures, partition_day
from acquisition_assets.inputs.source import FingerprintedSource, RawTable, Source, Wanted
from acquisition_assets.inputs.tables import EVENTS, INPUTS
from acquisition_assets.inputs.vocabulary import VocabularyPolicy
from acquisition_assets.raw.contract import EVENT_DAYS, QUARANTINE, RAW, RAW_EVENTS, SOURCE_STATE, STATE
from acquisition_assets.raw.counts import Counts
from acquisition_assets.raw.findings import checks_of, findings, stopping
from acquisition_assets.raw.ingest import Choices, Ingested, MoreEvents, ingest
from acquisition_assets.raw.policy import FreshnessPolicy, IngestionPolicy
from acquisition_assets.raw.rows import Run
from acquisition_assets.raw.windows import choose_window, everything, fingerprinted

STEP = "ingest"
TEXTS = {
    "raw_leads": "Leads created before the end of the day, as the source has them.",
    "raw_events": "What happened to deliveries on the day; late rows of the days before are added to their own days.",
    "raw_referrals": "Who referred whom, until the end of the day.",
    "raw_content": "The catalogue of content items.",
    "raw_status_changes": "When leads changed their status, until the end of the day.",
    "raw_aliases": "Ids that a lead also has or had, each with the lead at the end of its chain.",
    "raw_spend": "What was spent on channels and campaigns, until the end of the day.",
    SOURCE_STATE.table: "What was known of the source when the day was read: how new it is, and what of it is stale.",
    EVENT_DAYS.table: "What the source had of each day of events when the lake took it in.",
    QUARANTINE.table: "Rows of this run that break their table's contract, as read, each with its reason.",
}
SHARED_DAYS = (RAW_EVENTS, EVENT_DAYS)
"""Tables that one run writes for many days, so that a key is not unique over its files."""
Results = Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]


def build(
    env: Env,
    source: Source,
    vocabulary: VocabularyPolicy,
    policy: IngestionPolicy,
    freshness: FreshnessPolicy,
    *,
    full: bool = False,
    forget: bool = False,
) -> dg.AssetsDefinition:
    """Return the multi-asset that reads a source into the raw tables and the quarantine.

    Args:
        full: read all events again, not only those of the last days, of days that the lake lacks and of days that the
            source has changed.
        forget: also replace days for which the source has no event any more.
    """
    kinds = {"parquet", "duckdb"}
    contracts = (*RAW.values(), *STATE, QUARANTINE)
    specs = [asset_spec(env, each, group="raw", description=TEXTS[each.table], kinds=kinds) for each in contracts]
    checks = [contract_check_spec(env, contract) for contract in contracts]
    for name, table in INPUTS.items():
        for check, text in checks_of(table, policy, freshness).items():
            checks.append(check_spec(env, RAW[name].table, check, text))

    @dg.multi_asset(name=STEP, specs=specs, check_specs=checks, op_tags={ORDERED_DAYS: "true"})
    def compute(context: dg.AssetExecutionContext) -> Results:
        day = partition_day(context)
        with failures(context.retry_number), env.ordering(STEP, day):
            yield from _ingest(env, source, vocabulary, Choices(policy, freshness, full=full, forget=forget), day)

    return compute


def _ingest(env: Env, source: Source, vocabulary: VocabularyPolicy, choices: Choices, day: dt.date) -> Results:
    read_at = dt.datetime.now(UTC)
    with env.lake.exclusive(STEP):
        wanted: Wanted | None = first_wanted(source, env.lake.days(RAW_EVENTS.table), day, env.tz, choices)
        while wanted is not None:
            with env.lake.staging() as folder, env.engine.local.connect(folder) as connection:
                choices = with_fingerprints(source, day, env.tz, choices, read_at)
                with source.open(connection, folder, wanted) as tables:
                    run = Run(connection, env.lake, folder, day, env.tz, wanted, vocabulary, read_at)
                    ingested = ingest(run, tables, choices)
                    wanted = ingested.wanted if isinstance(ingested, MoreEvents) else None
                    if isinstance(ingested, Ingested):
                        yield from _publish(env, ingested, DuckDBSession(connection), choices, day, tables)


def first_wanted(source: Source, lake_days: Sequence[dt.date], day: dt.date, tz: ZoneInfo, choices: Choices) -> Wanted:
    """Return the events that a source is asked for first: all, or of a fingerprinted one those of known days.

    Args:
        lake_days: the days of events that the lake has.
    """
    if not isinstance(source, FingerprintedSource):
        return everything(end_of_day(day, tz))
    return choose_window(
        day,
        tz,
        choices.ingestion.late_arrival_days,
        lake=dict.fromkeys(lake_days),
        source={},
        known_whole=False,
        full=choices.full,
        forget=choices.forget,
    ).wanted


def with_fingerprints(source: Source, day: dt.date, tz: ZoneInfo, choices: Choices, read_at: dt.datetime) -> Choices:
    """Return the choices with the fingerprints and the newest event of a source; unchanged if it is read whole."""
    if not isinstance(source, FingerprintedSource):
        return choices
    found = {each: fingerprinted(text) for each, text in source.day_fingerprints(day, tz).items()}
    end = end_of_day(day, tz)
    newest = source.newest_event(end, read_at + dt.timedelta(microseconds=1)) if end <= read_at else None
    return replace(choices, fingerprints=found, newest_event=newest)


def _publish(
    env: Env,
    ingested: Ingested,
    session: DuckDBSession,
    choices: Choices,
    day: dt.date,
    tables: Mapping[str, RawTable],
) -> Results:
    """Return the check results, then publish all tables, or the quarantine alone where the day must stop."""
    for table, finding in findings(ingested, day, choices.ingestion, choices.freshness):
        yield finding.result(table, day)
    broken = []
    for contract in (*RAW.values(), *STATE, QUARANTINE):
        files = list(dict.fromkeys(staged.path for staged in ingested.staged if staged.table == contract.table))
        violations = session.violations(contract, files, unique=contract not in SHARED_DAYS)
        yield contract_result(contract, violations, day)
        broken += [contract_error(contract.table, day, violations)] if violations else []
    if broken:
        raise broken[0]
    if not all(counts.adds_up for counts in ingested.counts.values()):
        lost = next(counts for counts in ingested.counts.values() if not counts.adds_up)
        raise QuarantineError(f"the rows of {lost.table} on {day} do not add up ({lost}); nothing was published")
    quarantine = next(staged for staged in ingested.staged if staged.table == QUARANTINE.table)
    reason = stopping(ingested, choices.ingestion)
    if reason:
        env.lake.publish(quarantine.path, quarantine.table, day)
        raise QuarantineError(
            f"{reason}; nothing was replaced; look at quarantine/date={day}, repair the source and run the day again"
        )
    for staged in sorted(ingested.staged, key=lambda staged: (staged.table, staged.day)):
        env.lake.publish(staged.own_path(), staged.table, staged.day)
    for name, counts in ingested.counts.items():
        env.progress(RAW[name].table, counts.accepted, 0.0)
        metadata = {**_metadata(env, counts, ingested, day), **_of_source(tables.get(name))}
        yield dg.MaterializeResult(asset_key=RAW[name].table, metadata=metadata)
    for contract in STATE:
        rows = env.lake.row_count(contract.table, day)
        yield dg.MaterializeResult(asset_key=contract.table, metadata={"dagster/row_count": rows})
    total = sum(counts.quarantined for counts in ingested.counts.values())
    yield dg.MaterializeResult(asset_key=QUARANTINE.table, metadata={"dagster/row_count": total})


def _metadata(env: Env, counts: Counts, ingested: Ingested, day: dt.date) -> dict[str, Any]:
    """Return what is shown of a raw table: the rows of the day's partition, and what became of those that were read."""
    metadata: dict[str, Any] = {
        "dagster/row_count": env.lake.row_count(RAW[counts.table].table, day),
        "rows_read": counts.read,
        "rows_accepted": counts.accepted,
        "rows_quarantined": counts.quarantined,
        "rows_exact_duplicates": counts.exact_duplicates,
        "rows_superseded": counts.superseded,
        "rows_left_out": counts.left_out,
        "rows_of_the_future": counts.future,
    }
    if counts.table == EVENTS.name:
        metadata["days_written"] = sum(staged.table == RAW_EVENTS.table for staged in ingested.staged)
    if counts.table in ingested.missing_tables and INPUTS[counts.table].is_expected:
        metadata["warning"] = f"the source has no {counts.table}; it is taken as empty"
    return metadata


def _of_source(raw: RawTable | None) -> dict[str, Any]:
    """Return what is shown of a table's exports: what was noticed, and the columns that each column was made of."""
    if raw is None:
        return {}
    metadata: dict[str, Any] = {"notes": "; ".join(raw.notes)} if raw.notes else {}
    lineage = {
        column: [dg.TableColumnDep(asset_key=["source", file], column_name=name) for file, name in found]
        for column, found in raw.origins.items()
        if found
    }
    return {**metadata, **({"dagster/column_lineage": dg.TableColumnLineage(lineage)} if lineage else {})}

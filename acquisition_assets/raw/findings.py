"""Says in words what an ingestion found: the results of the raw tables' checks, without personal data.

Does not count anything (see `raw.counts`) or stop the day (see `raw.asset`).
"""

from __future__ import annotations

import datetime as dt

import dagster as dg

from acquisition_assets.core.step import Finding
from acquisition_assets.inputs.tables import EVENTS, INPUTS, LEADS, InputTable
from acquisition_assets.raw.contract import RAW
from acquisition_assets.raw.counts import Counts
from acquisition_assets.raw.ingest import Ingested
from acquisition_assets.raw.policy import FreshnessPolicy, IngestionPolicy
from acquisition_assets.raw.rows import Reading, optional_cells

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
EXAMPLES = 3
DAYS_SHOWN = 10


def checks_of(table: InputTable, ingestion: IngestionPolicy, freshness: FreshnessPolicy) -> dict[str, str]:
    """Return the checks of a raw table by name, each with what it says."""
    found = {
        "rows_add_up": "Rows read = accepted + quarantined + exact duplicates + superseded + left out + of the future.",
        "quarantine": (
            f"No row is in quarantine (else WARN). ERROR stops the day: more than "
            f"{ingestion.quarantine_error_percent:g} % and at least {ingestion.quarantine_error_rows} rows, or more "
            f"than {ingestion.quarantine_most_percent:g} % and at least {ingestion.quarantine_most_rows}, are bad."
        ),
    }
    if has_optional_cells(table):
        found["cells"] = "Every filled optional cell can be read (else it is missing, and WARN; ERROR where none can)."
    if table.has_versions:
        found["versions"] = "No file has several versions of an id (else WARN; the newest holds)."
    if table.lead:
        found["unknown_leads"] = (
            f"At most {ingestion.unknown_leads_percent:g} % of the rows that name a lead name none of leads or aliases "
            f"(else WARN). ERROR stops the day: {ingestion.unknown_leads_rows} rows or more name a lead, and none "
            "exists."
        )
    if table in (LEADS, EVENTS):
        found["fresh"] = (
            f"The newest row is at most {freshness.warn_days} expected days before the day (else WARN; more than "
            f"{freshness.error_days}: ERROR, which stops nothing)."
        )
    if table is EVENTS:
        found["source_days"] = "The source has all events of earlier days that the lake took in (else WARN; they stay)."
    return found


def has_optional_cells(table: InputTable) -> bool:
    """Return whether a table has optional cells that may be unreadable."""
    whole = {column.name: "VARCHAR" for column in table.columns}
    from acquisition_assets.inputs.source import RawTable
    from acquisition_assets.inputs.vocabulary import VocabularyPolicy
    from acquisition_assets.raw.windows import Part

    return bool(optional_cells(Reading(table, RawTable("", whole), Part(()), VocabularyPolicy(status={}))))


def findings(
    ingested: Ingested, day: dt.date, ingestion: IngestionPolicy, freshness: FreshnessPolicy
) -> list[tuple[str, Finding]]:
    """Return the findings of a run, each with its table."""
    found = []
    for name, counts in ingested.counts.items():
        table = INPUTS[name]
        names = checks_of(table, ingestion, freshness)
        each = [_adds_up(counts), _quarantine(counts, ingested, ingestion)]
        if "cells" in names:
            each.append(_cells(counts))
        if "versions" in names:
            each.append(_versions(counts, table))
        if "unknown_leads" in names:
            each.append(_unknown_leads(counts, ingested, ingestion))
        if "fresh" in names:
            each.append(_fresh(name, ingested, day, freshness))
        if "source_days" in names:
            each.append(_source_days(ingested))
        found += [(RAW[name].table, finding) for finding in each]
    return found


def stopping(ingested: Ingested, policy: IngestionPolicy) -> str | None:
    """Return why the day must stop, None where it need not."""
    for name, counts in ingested.counts.items():
        if counts.is_error(policy):
            bad, rows = counts.bad_rows()
            reasons = reasons_text(name, ingested)
            return f"{name}: {bad} of {rows} rows are bad ({reasons}: {details_text(name, ingested)})"
    for name in ingested.unknown_everywhere:
        if ingested.counts[LEADS.name].accepted:
            return (
                f"{name}: not one of {ingested.counts[name].naming} rows names a lead that leads or aliases have; are "
                "these the ids of the leads?"
            )
    return None


def reasons_text(table: str, ingested: Ingested) -> str:
    """Return the reasons of a table's quarantined rows, with their numbers."""
    return ", ".join(f"{reason}: {count}" for reason, count in ingested.reasons.get(table, {}).items())


def details_text(table: str, ingested: Ingested) -> str:
    """Return what is wrong with a table's quarantined rows, the most frequent first."""
    details = list(ingested.details.get(table, {}).items())
    shown = "; ".join(f"{detail} ({count} {_rows(count)})" for detail, count in details[:EXAMPLES])
    return shown + (f"; and {len(details) - EXAMPLES} more" if len(details) > EXAMPLES else "")


def _rows(count: int) -> str:
    return "row" if count == 1 else "rows"


def _adds_up(counts: Counts) -> Finding:
    text = (
        f"{counts.read} read = {counts.accepted} accepted + {counts.quarantined} quarantined + "
        f"{counts.exact_duplicates} exact duplicates + {counts.superseded} superseded + {counts.left_out} left out + "
        f"{counts.future} of the future"
    )
    return Finding("rows_add_up", counts.adds_up, text, ERROR)


def _quarantine(counts: Counts, ingested: Ingested, policy: IngestionPolicy) -> Finding:
    text = f"{counts.quarantined} of {counts.read} rows in quarantine"
    if counts.quarantined:
        text += f" ({reasons_text(counts.table, ingested)}): {details_text(counts.table, ingested)}"
    severity = ERROR if counts.is_error(policy) else WARN
    return Finding("quarantine", not counts.quarantined, text, severity, {"rows": counts.quarantined})


def _cells(counts: Counts) -> Finding:
    text = "; ".join(
        f"{each.cells} of {each.filled} cells of {each.column} cannot be read and are missing, such as {each.example}"
        for each in counts.unreadable
    )
    severity = ERROR if any(each.cells == each.filled for each in counts.unreadable) else WARN
    cells = sum(each.cells for each in counts.unreadable)
    return Finding("cells", not counts.unreadable, text or "every filled cell can be read", severity, {"cells": cells})


def _versions(counts: Counts, table: InputTable) -> Finding:
    text = "no file has several versions of an id"
    if counts.in_one_file:
        newest = f"greatest {table.version}, then the last read" if table.version else "the last read"
        text = f"{counts.in_one_file} ids have several versions in one file; the newest holds ({newest})"
    return Finding("versions", not counts.in_one_file, text, WARN, {"ids": counts.in_one_file})


def _unknown_leads(counts: Counts, ingested: Ingested, policy: IngestionPolicy) -> Finding:
    unknown = counts.naming - counts.known
    text = f"{unknown} of {counts.naming} rows that name a lead name none of leads or aliases"
    nobody = counts.table in ingested.unknown_everywhere
    many = unknown * 100 > counts.naming * policy.unknown_leads_percent
    if nobody:
        text += "; are these the ids of the leads?"
    severity = ERROR if nobody and ingested.counts[LEADS.name].accepted else WARN
    return Finding("unknown_leads", not (nobody or many), text, severity, {"rows": unknown})


def _fresh(name: str, ingested: Ingested, day: dt.date, policy: FreshnessPolicy) -> Finding:
    overdue = ingested.overdue[name]
    if overdue is None:
        first = ingested.first_lead_at if name == LEADS.name else None
        if first is None:
            return Finding("fresh", True, "there never was a row", WARN)
        text = f"no lead was created by the end of {day}, the first at {first:%Y-%m-%d %H:%M} UTC; the day is empty"
        return Finding("fresh", False, text, WARN)
    text = f"{overdue} expected {'day' if overdue == 1 else 'days'} without a new row up to {day}"
    if overdue > policy.warn_days:
        text += "; look whether the source still delivers"
    severity = ERROR if overdue > policy.error_days else WARN
    return Finding("fresh", overdue <= policy.warn_days, text, severity, {"days": overdue})


def _source_days(ingested: Ingested) -> Finding:
    days = ingested.fewer
    if not days:
        return Finding("source_days", True, "the source has all events that the lake took in", WARN)
    shown = ", ".join(map(str, days[:DAYS_SHOWN])) + (
        f" and {len(days) - DAYS_SHOWN} more" if len(days) > DAYS_SHOWN else ""
    )
    text = (
        f"the source has fewer events of {shown} than the lake took in; the lake keeps what it has; to replace "
        "them run again with --full (and --forget for days of which the source has none any more)"
    )
    return Finding("source_days", False, text, WARN, {"days": len(days)})

"""Builds the asset `incidents`: follows what was not as expected over the last days, and says what the day is to alert.

The life of an incident is left to `lifecycle`, its facts to `facts`, and sending alerts to `automation`.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import dagster as dg
import pyarrow as pa

from acquisition_assets.anomalies.contract import ANOMALIES
from acquisition_assets.core.days import day_of, days_between
from acquisition_assets.core.env import Env
from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.output import Output, output_asset
from acquisition_assets.core.plots import columns
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.step import Comparison, Finding, Step
from acquisition_assets.features.contract import METRIC_HISTORY
from acquisition_assets.incidents import metrics
from acquisition_assets.incidents.contract import HIGH, INCIDENTS, NONE_OPEN, NOTICES, OPEN
from acquisition_assets.incidents.facts import Limits, read_facts
from acquisition_assets.incidents.lifecycle import RULES, Notice, first_day, follow
from acquisition_assets.metric_watch.contract import DROP, FLAGGED, METRIC_WATCH, SPIKE
from acquisition_assets.raw.contract import QUARANTINE, SOURCE_STATE

CHECKS = {NONE_OPEN: "No incident is open (else WARN; ERROR where one is of high severity, which stops nothing)."}
INPUTS = (METRIC_WATCH, ANOMALIES, SOURCE_STATE, QUARANTINE, METRIC_HISTORY)


@dataclass(frozen=True)
class Rules:
    """What the incidents need of the policy."""

    limits: Limits
    locale: Locale


def build(env: Env, limits: Limits, locale: Locale) -> list[dg.AssetsDefinition]:
    """Return the asset of the incidents."""
    # A day is followed from the days before it, so a range runs them in order.
    own_past = dg.AssetDep(
        INCIDENTS.table, partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
    )
    output = Output(
        contract=INCIDENTS,
        description="What is not as expected, from when to when, how bad it became, and what to do.",
        policy=Rules(limits, locale),
        deps=[*(contract.table for contract in INPUTS), own_past],
        produce=produce,
        recompute=recompute,
        recomputed_text="How many metrics the day saw flagged, from metric_watch and anomalies alone.",
        plot=plot,
        checks=CHECKS,
        findings=findings,
        details=details,
        kinds=frozenset({"parquet", "pandas"}),
    )
    return [output_asset(env, output)]


def produce(step: Step, rules: Rules) -> None:
    """Stage the incidents as of the day, and keep the alerts that the day brings."""
    step.bind(METRIC_WATCH, name="day_watch")
    first = first_day(step.day, rules.limits.incidents)
    facts = read_facts(step, first, rules.limits)
    followed = follow(facts, first, step.day, rules.limits.incidents, rules.locale)
    step.write_table(INCIDENTS.to_arrow(followed.incidents))
    notices = [_plain(notice) for notice in followed.notices_of(step.day)]
    step.session.bind_arrow(NOTICES, pa.Table.from_pylist(notices, schema=NOTICE_SCHEMA))


NOTICE_SCHEMA = pa.schema([(name, pa.string()) for name in Notice.__dataclass_fields__])


def _plain(notice: Notice) -> dict[str, str]:
    """Return a notice as texts that can be shown: a channel may hold an address."""
    return {name: sanitize(str(value)) for name, value in asdict(notice).items()}


def recompute(step: Step, rules: Rules) -> Comparison:
    """Compare the metrics that were last seen on the day with the flags of the day."""
    ours = step.row("incidents/published", {"day": step.day})["seen"]
    (read,) = (row["read_at"] for row in step.query("incidents/states").to_pylist() if row["date"] == step.day)
    seen: set[tuple[str, str | None, str]] = set()
    if day_of(read, step.env.tz) > step.day:
        for row in step.query("incidents/flagged", {"day": step.day}).to_pylist():
            direction = SPIKE if row["state"] == SPIKE else DROP
            if row["state"] in FLAGGED and not (direction == DROP and metrics.is_unwanted(row["metric"])):
                seen.add((row["metric"], row["channel"], direction))
        seen |= {RULES[row["type"]] for row in step.query("incidents/rules", {"day": step.day}).to_pylist()}
    return [("seen", ours, len(seen))]


def findings(step: Step, rules: Rules) -> Sequence[Finding]:
    """Report each open incident that no other explains."""
    rows = step.query("incidents/open").to_pylist()
    severity = (
        dg.AssetCheckSeverity.ERROR if any(row["severity"] == HIGH for row in rows) else dg.AssetCheckSeverity.WARN
    )
    said = "; ".join(row["title"] for row in rows)
    return [Finding(NONE_OPEN, not rows, said or "No incident is open", severity, {"open": len(rows)})]


def details(step: Step, rules: Rules) -> Mapping[str, Any]:
    """Return how many incidents there are, and the alerts of the day, which the sensor reads."""
    notices = step.session.query(f"select * from {NOTICES}").to_pylist()
    return {**step.row("incidents/numbers"), NOTICES: dg.MetadataValue.json(notices)}


def plot(step: Step, rules: Rules) -> str:
    """Draw how many incidents were open on each day."""
    rows = step.session.query("select opened_on, last_seen_on, status from staged").to_pylist()
    days = days_between(first_day(step.day, rules.limits.incidents), step.day)
    counts = [sum(row["opened_on"] <= day and _until(row, step.day) >= day for row in rows) for day in days]
    return columns(counts, f"Open incidents by day, {len(days)} days up to {step.day}")


def _until(row: Mapping[str, Any], day: dt.date) -> dt.date:
    until: dt.date = day if row["status"] == OPEN else row["last_seen_on"]
    return until

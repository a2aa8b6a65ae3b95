"""Builds the assets `lead_segments` and `segment_changes`: declares their inputs, runs their SQL, checks the result.

Criteria are left to the policy, their parsing to `criteria`, and their query to `memberships`.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from acquisition_assets.behavior_predictions.contract import BEHAVIOR_PREDICTIONS
from acquisition_assets.conversion_forecasts.contract import CONVERSION_FORECASTS
from acquisition_assets.core.env import Env
from acquisition_assets.core.output import Output, output_asset
from acquisition_assets.core.plots import bars
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.core.step import Comparison, Step
from acquisition_assets.criteria.language import Criterion
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.lead_segments.contract import LEAD_SEGMENTS, SEGMENT_CHANGES
from acquisition_assets.lead_segments.memberships import (
    facts_columns,
    memberships_query,
    names_forecasts,
    parse_segments,
)
from acquisition_assets.lead_segments.policy import Segment
from acquisition_assets.lead_segments.report import TASK, mailable, segmentation_report, sizes

SAMPLE = {"length": 200}
"""The sample of leads whose memberships are recomputed without SQL."""


READ = (LEAD_ACTIVITY, DYNAMIC_SCORES, BEHAVIOR_PREDICTIONS, CONVERSION_FORECASTS)
"""The tables whose columns a criterion may name."""


@dataclass(frozen=True)
class Segments:
    """The segments of the policy with their parsed criteria, in the policy's order."""

    segments: Mapping[str, Segment]
    criteria: list[Criterion]


def build(
    env: Env, segments: Mapping[str, Segment], report_length: int, lookback_days: int
) -> list[dg.AssetsDefinition]:
    """Return the assets of the segments and of their changes.

    Raises:
        InputError: A segment's criterion is refused.
    """
    members = Output(
        contract=LEAD_SEGMENTS,
        description="Which leads meet each segment's criterion. Users add segments in their policy file.",
        policy=Segments(segments, parse_segments(segments)),
        deps=[contract.table for contract in READ],
        produce=produce,
        recompute=recompute,
        recomputed_text="The memberships of a fixed sample of leads, evaluated without SQL.",
        task=TASK,
        report=lambda step, policy: segmentation_report(step, policy.segments, report_length),
        plot=plot,
        details=segment_numbers,
    )
    mapping = dg.TimeWindowPartitionMapping(start_offset=-lookback_days, end_offset=0)
    changes = Output(
        contract=SEGMENT_CHANGES,
        description="Who entered and who left a segment since the newest of the days before.",
        policy=lookback_days,
        deps=[dg.AssetDep(LEAD_SEGMENTS.table, partition_mapping=mapping)],
        produce=produce_changes,
        recompute=recompute_changes,
        recomputed_text="Entries less departures are the difference of the two days' sizes.",
        details=change_counts,
    )
    return [output_asset(env, members), output_asset(env, changes)]


def produce(step: Step, policy: Segments) -> None:
    """Stage the segments of every lead, in one pass over the columns that the criteria name."""
    columns = ", ".join(facts_columns(policy.criteria))
    for contract in READ:
        # A lake of an earlier version has days without forecasts, which only a criterion that names them misses.
        is_named = contract is not CONVERSION_FORECASTS or names_forecasts(policy.criteria)
        step.bind(contract, None if is_named else [])
    step.session.bind_query("facts", f"select {columns} from ({read_sql('lead_segments/facts')}) as facts")
    step.session.bind_view("memberships", memberships_query(policy.criteria))
    step.write_query("lead_segments/lead_segments")


def recompute(step: Step, policy: Segments) -> Comparison:
    """Compare the memberships of a sample of leads with the criteria evaluated in Python."""
    rows = step.query("lead_segments/recomputed", SAMPLE).to_pylist()
    theirs = {(c.segment, row["lead_id"]) for row in rows for c in policy.criteria if c.evaluate(row)}
    published = step.query("lead_segments/published", SAMPLE).to_pylist()
    ours = {(row["segment"], row["lead_id"]) for row in published}
    return [
        (f"memberships of {len(rows)} leads", len(ours), len(theirs)),
        ("memberships that differ", len(ours ^ theirs), 0),
    ]


def plot(step: Step, policy: Segments) -> str:
    """Draw leads per segment."""
    return bars(sizes(step, policy.segments), "Leads by segment")


def segment_numbers(step: Step, policy: Segments) -> dict[str, Any]:
    """Return how many leads are in each segment, and how many of them may be mailed."""
    leads = {f"leads_{name}": count for name, count in sizes(step, policy.segments).items()}
    return {**leads, **{f"may_be_mailed_{name}": count for name, count in mailable(step, policy.segments).items()}}


def produce_changes(step: Step, lookback_days: int) -> None:
    """Stage who entered or left a segment since the newest earlier day that has segments."""
    step.bind(LEAD_SEGMENTS)
    step.bind(LEAD_SEGMENTS, _previous(step, lookback_days), name="previous_segments")
    step.write_query("segment_changes/segment_changes", _has_previous(step, lookback_days))


def recompute_changes(step: Step, lookback_days: int) -> Comparison:
    """Compare the total growth of the segments with their sizes on the two days."""
    return step.compare(_has_previous(step, lookback_days))


def change_counts(step: Step, lookback_days: int) -> dict[str, Any]:
    """Return how many memberships began and ended."""
    return step.row("segment_changes/counts")


def _has_previous(step: Step, lookback_days: int) -> dict[str, bool]:
    return {"has_previous": bool(_previous(step, lookback_days))}


def _previous(step: Step, lookback_days: int) -> list[dt.date]:
    """Return the newest earlier day that has segments, as a list of at most one day."""
    window = set(step.earlier_days(lookback_days))
    return [day for day in step.env.lake.days(LEAD_SEGMENTS.table) if day in window][-1:]

"""Here: the assets of lead_segments and segment_changes: what they read, and the run of their SQL.

Not here: the criteria (policy.yaml), their parsing (criteria.py) and their query (memberships.py).
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from acquisition_assets.behavior_predictions.contract import BEHAVIOR_PREDICTIONS
from acquisition_assets.core.assets import Output, Step, output_asset
from acquisition_assets.core.days import days_between
from acquisition_assets.core.env import Env
from acquisition_assets.core.plots import bars
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.lead_segments.contract import LEAD_SEGMENTS, SEGMENT_CHANGES
from acquisition_assets.lead_segments.memberships import facts_columns, memberships_query, parse_segments
from acquisition_assets.lead_segments.policy import Segment
from acquisition_assets.lead_segments.report import mailable, segmentation_report, sizes

TASK = "advanced_segmentation_engine"
SAMPLE = {"length": 200}


def build(env: Env, segments: Mapping[str, Segment], report_length: int) -> dg.AssetsDefinition:
    """The asset of the segments.

    Raises:
        InputError: a segment's criterion is refused.
    """
    criteria = parse_segments(segments)

    def produce(step: Step) -> None:
        for contract in (LEAD_ACTIVITY, DYNAMIC_SCORES, BEHAVIOR_PREDICTIONS):
            step.bind(contract)
        facts = f"select {', '.join(facts_columns(criteria))} from ({read_sql('lead_segments/facts')}) as facts"
        step.session.bind_query("facts", facts)
        step.session.bind_view("memberships", memberships_query(criteria))
        step.write_query("lead_segments/lead_segments")

    def recompute(step: Step) -> Sequence[tuple[str, object, object]]:
        rows = step.query("lead_segments/recomputed", SAMPLE).to_pylist()
        theirs = {(c.segment, row["lead_id"]) for row in rows for c in criteria if c.evaluate(row)}
        published = step.query("lead_segments/published", SAMPLE).to_pylist()
        ours = {(row["segment"], row["lead_id"]) for row in published}
        return [
            (f"memberships of {len(rows)} leads", len(ours), len(theirs)),
            ("memberships that differ", len(ours ^ theirs), 0),
        ]

    def details(step: Step) -> dict[str, Any]:
        return {f"may_be_mailed_{name}": leads for name, leads in mailable(step, segments).items()}

    def plot(step: Step) -> str:
        return bars(sizes(step, segments), "Leads by segment")

    return output_asset(
        env,
        Output(
            contract=LEAD_SEGMENTS,
            description="Which leads meet each segment's criterion. Users add segments in their policy file.",
            deps=[LEAD_ACTIVITY.table, DYNAMIC_SCORES.table, BEHAVIOR_PREDICTIONS.table],
            produce=produce,
            recompute=recompute,
            recomputed_text="The memberships of a fixed sample of leads, evaluated without SQL.",
            task=TASK,
            report=lambda step: segmentation_report(step, segments, report_length),
            plot=plot,
            details=details,
        ),
    )


def build_changes(env: Env, lookback_days: int) -> dg.AssetsDefinition:
    """The asset of who entered and left segments."""

    def has_previous(step: Step) -> dict[str, bool]:
        return {"has_previous": bool(_previous(step, lookback_days))}

    def produce(step: Step) -> None:
        step.bind(LEAD_SEGMENTS)
        step.bind(LEAD_SEGMENTS, _previous(step, lookback_days), name="previous_segments")
        step.write_query("segment_changes/segment_changes", has_previous(step))

    def recompute(step: Step) -> Sequence[tuple[str, object, object]]:
        ours = step.query("segment_changes/published").to_pylist()[0]["growth"]
        theirs = step.query("segment_changes/recomputed", has_previous(step)).to_pylist()[0]["growth"]
        return [("growth of all memberships", ours, theirs)]

    def details(step: Step) -> dict[str, Any]:
        return dict(step.query("segment_changes/counts").to_pylist()[0])

    mapping = dg.TimeWindowPartitionMapping(start_offset=-lookback_days, end_offset=0)
    return output_asset(
        env,
        Output(
            contract=SEGMENT_CHANGES,
            description="Who entered and who left a segment since the newest of the days before.",
            deps=[dg.AssetDep(LEAD_SEGMENTS.table, partition_mapping=mapping)],
            produce=produce,
            recompute=recompute,
            recomputed_text="Entries less departures are the difference of the two days' sizes.",
            details=details,
        ),
    )


def _previous(step: Step, lookback_days: int) -> list[dt.date]:
    """The newest earlier day that has segments, as a list of one or none."""
    window = days_between(step.day - dt.timedelta(days=lookback_days), step.day - dt.timedelta(days=1))
    return [day for day in step.env.lake.days(LEAD_SEGMENTS.table) if day in set(window)][-1:]

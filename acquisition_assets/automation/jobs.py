"""Defines the jobs: which assets are launched together.

When they are launched is left to `schedules`.
"""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

DAILY_JOB = "daily_acquisition"
CHAIN_TAG = {"acquisition/chain": "daily"}
UNFINISHED = [
    *(dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING),
    *(dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING),
]


def daily_job() -> UnresolvedAssetJobDefinition:
    """The whole graph for one business day.

    The tag lets dagster.yaml run such runs one after the other: a day's scores are made from those of the day before.
    """
    return dg.define_asset_job(
        DAILY_JOB,
        selection=dg.AssetSelection.all(),
        tags=CHAIN_TAG,
        description="Reads the source, and makes every table of one business day.",
    )

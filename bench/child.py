"""Runs steps of one day in a process of its own, through Dagster or directly, and measures each of them.

Starting these processes is left to measure.py, making tables of the figures to cases.py.

    python -m bench.child (dagster|direct) SOURCE LAKE DAY [STEP ...]

Without steps it runs the whole graph. Settings such as ACQUISITION_POLICY are read from the environment. The last line
printed is JSON: for each part (every step; through Dagster: all of them) wall and CPU seconds, and MB read and written.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from types import SimpleNamespace

import dagster as dg

from acquisition_assets.automation.jobs import DAILY_JOB
from acquisition_assets.commands.day import QUIET
from acquisition_assets.core.settings import Settings
from acquisition_assets.definitions import build_defs
from bench.used import measured

FIRST_DAY = "2015-01-01"


def run(how: str, source: str, lake: str, day: str, steps: list[str]) -> dict[str, dict[str, float]]:
    """Run the steps and measure."""
    settings = Settings.from_environment(os.environ, source=source, lake=lake, start_date=FIRST_DAY)
    defs = build_defs(settings)
    chosen = [
        assets
        for assets in defs.assets or ()
        if isinstance(assets, dg.AssetsDefinition) and (not steps or assets.op.name in steps)
    ]
    if how == "dagster":
        return {"all": measured(lambda: _by_dagster(defs, chosen, day))}
    return {assets.op.name: measured(lambda assets=assets: _directly(assets, day)) for assets in chosen}


def _by_dagster(defs: dg.Definitions, chosen: list[dg.AssetsDefinition], day: str) -> None:
    keys = [key for assets in chosen for key in assets.keys]
    job = defs.resolve_job_def(DAILY_JOB)
    with dg.DagsterInstance.ephemeral() as instance:
        job.execute_in_process(partition_key=day, instance=instance, run_config=QUIET, asset_selection=keys)


def _directly(assets: dg.AssetsDefinition, day: str) -> None:
    step = assets.op.compute_fn.decorated_fn  # type: ignore[union-attr]
    for _ in step(SimpleNamespace(partition_key=day, retry_number=0)):
        pass


if __name__ == "__main__":
    dt.date.fromisoformat(sys.argv[4])
    print(json.dumps(run(*sys.argv[1:5], sys.argv[5:])))

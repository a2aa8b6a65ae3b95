"""Assembles the whole graph from the catalogue: `build_defs(settings)` for programs, `defs` for Dagster.

Rules are left to the products. Nothing runs at import.
"""

import datetime as dt
import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import dagster as dg

from acquisition_assets.automation.briefs import brief_sensor
from acquisition_assets.automation.failed_runs import failed_run_sensor
from acquisition_assets.automation.jobs import DAILY_JOB, daily_job
from acquisition_assets.automation.schedules import daily_schedule
from acquisition_assets.automation.sensors import alert_sensor
from acquisition_assets.catalog import PRODUCTS, Build
from acquisition_assets.core.engine.duckdb import DuckDBEngine
from acquisition_assets.core.engine.session import Engine
from acquisition_assets.core.engine.spark import SparkEngine, check_installed
from acquisition_assets.core.env import DEFAULT_FIRST_DAY, Env, no_progress, no_wait
from acquisition_assets.core.errors import InputError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.settings import Settings
from acquisition_assets.destinations import asset as destinations
from acquisition_assets.destinations import lake_views
from acquisition_assets.destinations.choose import choose_destinations
from acquisition_assets.inputs.source import Source
from acquisition_assets.policy import Policy, read_policy
from acquisition_assets.sources.choose import POSTGRES, SAMPLE, choose_source, first_day, last_day

EXECUTORS = {"in_process": dg.in_process_executor, "multiprocess": dg.multiprocess_executor}


def make_engine(settings: Settings, lake: Lake) -> Engine:
    """The engine that the settings name.

    Raises:
        InputError: it is Spark, and pyspark or Java is missing.
    """
    spill = Path(settings.spill) if settings.spill else None
    local = DuckDBEngine(lake, settings.memory_limit, settings.threads, spill)
    if settings.engine == "duckdb":
        return local
    check_installed(settings.spark_master)
    return SparkEngine(lake, local, settings.spark_master)


def build_defs(
    settings: Settings,
    *,
    policy: Policy | None = None,
    source: Source | None = None,
    lake: Lake | None = None,
    progress: Callable[[str, int, float], None] = no_progress,
    ordering: Callable[[str, dt.date], AbstractContextManager[None]] = no_wait,
    full: bool = False,
    forget: bool = False,
    up_to: dt.date | None = None,
) -> dg.Definitions:
    """The whole graph for a deployment; what is given wins over what the settings say.

    Args:
        up_to: a day that can be materialised even if the source's data are known to end before it.

    Raises:
        InputError: a setting or the policy is wrong, or the first day is after the last.
    """
    policy = policy or read_policy(settings.policy_path)
    source = source or choose_source(settings)
    lake = lake or Lake(settings.lake)
    first, last = _days(settings, up_to)
    env = Env(
        lake,
        make_engine(settings, lake),
        settings.tz,
        first,
        last,
        refresh=settings.refresh_minutes is not None,
        progress=progress,
        ordering=ordering,
    )
    build = Build(env, source, policy, full, forget)
    assets = [asset for product in PRODUCTS for asset in product.build(build)]
    for destination in choose_destinations(settings):
        assets += destinations.build(env, destination)
    assets += lake_views.build(env)
    schedule = daily_schedule(
        env,
        hour=settings.schedule_hour,
        minute=settings.schedule_minute,
        running=settings.source != SAMPLE,  # the sample ends on a day of the past: every day after it is empty
    )
    return dg.Definitions(
        assets=assets,
        jobs=[daily_job()],
        schedules=[schedule],
        sensors=[
            alert_sensor(settings, policy.alerts),
            failed_run_sensor(lake, DAILY_JOB),
            *_sending(settings, lake, policy),
            *_refreshing(settings, env, source),
        ],
        executor=EXECUTORS[settings.executor],
    )


def _days(settings: Settings, up_to: dt.date | None) -> tuple[dt.date, dt.date | None]:
    """The first and the last day that can be materialised; the last is None where the source's data go on.

    Raises:
        InputError: no day is left between them.
    """
    first, last = settings.first_day or first_day(settings) or DEFAULT_FIRST_DAY, last_day(settings)
    if last is None:
        return first, None
    last = max(last, up_to or last)
    if first > last:
        raise InputError(
            f"ACQUISITION_START_DATE {first} is after {last}, the last day of the source {settings.source}; choose an "
            "earlier day"
        )
    return first, last


def _sending(settings: Settings, lake: Lake, policy: Policy) -> list[dg.SensorDefinition]:
    """The sensor that sends briefs, where there are targets."""
    return [brief_sensor(settings, lake, policy.brief.send_days, policy.locale)] if settings.brief_urls else []


def _refreshing(settings: Settings, env: Env, source: Source) -> list[dg.SensorDefinition]:
    """The sensor for fresh rows, where it is wanted and the source is a database."""
    if settings.refresh_minutes is None or not settings.source.startswith(POSTGRES):
        return []
    from acquisition_assets.automation import refresh  # the driver, which others do not need
    from acquisition_assets.sources.postgres import PostgresSource

    return (
        [refresh.build(env, source, DAILY_JOB, settings.refresh_minutes)] if isinstance(source, PostgresSource) else []
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The graph of the deployment that the environment describes; a variable that is no setting is logged."""
    for warning in Settings.unknown_variables(os.environ):
        logging.getLogger(__name__).warning(warning)
    return build_defs(Settings.from_environment(os.environ))

"""Defines the daily schedule, which fills the day that has just ended.

What it runs is left to `jobs`.
"""

import datetime as dt

import dagster as dg

from acquisition_assets.automation.jobs import DAILY_JOB
from acquisition_assets.core.days import day_of
from acquisition_assets.core.env import Env

NAME = "daily"


def daily_schedule(env: Env, *, hour: int, minute: int, running: bool) -> dg.ScheduleDefinition:
    """The schedule that runs the daily job every day at a local time, for the business day before.

    Args:
        running: whether it is on as soon as a daemon sees it; else it is switched on in the UI.
    """

    @dg.schedule(
        name=NAME,
        job_name=DAILY_JOB,
        cron_schedule=f"{minute} {hour} * * *",
        execution_timezone=env.tz.key,
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
        description=f"Every day at {hour:02}:{minute:02} ({env.tz.key}), for the business day that has just ended.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        at = context.scheduled_execution_time
        day = day_of(at, env.tz) - dt.timedelta(days=1)
        if day < env.first_day:
            return dg.SkipReason(f"{day} is before the first day, {env.first_day}")
        if env.last_day and day > env.last_day:
            return dg.SkipReason(f"{day} is after the last day of the source, {env.last_day}")
        return dg.RunRequest(run_key=day.isoformat(), partition_key=day.isoformat())

    return daily

"""Defines the sensor that refreshes today's partition when a database has new rows.

The query that finds them is left to sql/postgres/source/watermark.sql, and the daily run to `schedules`.
"""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

import dagster as dg

from acquisition_assets.automation.jobs import UNFINISHED
from acquisition_assets.core.days import UTC, day_of
from acquisition_assets.core.env import Env
from acquisition_assets.sources.postgres import PostgresSource

TAG = {"acquisition/refresh": "today"}
TICK_SECONDS = 60


@dataclass(frozen=True)
class Seen:
    """What the sensor remembers: the watermark of its last request, and when that was (ISO 8601, UTC)."""

    watermark: str
    requested_at: str

    @classmethod
    def of(cls, cursor: str | None) -> "Seen | None":
        """What a cursor says; None for the first tick."""
        return cls(**json.loads(cursor)) if cursor else None


def _now() -> dt.datetime:
    return dt.datetime.now(UTC)


def build(
    env: Env, source: PostgresSource, job: str, minutes: int, now: Callable[[], dt.datetime] = _now
) -> dg.SensorDefinition:
    """The sensor `refresh_today`: a run of today's partition when there are new rows, at most every so many minutes.

    The source is asked only when a run may be requested: not within the minutes, and not while the last one runs. A
    source that does not answer fails the tick, and is asked again at the next one. A failed run is requested again.

    Args:
        job: name of the job that materialises the whole graph.
        now: the clock.
    """
    pause = dt.timedelta(minutes=minutes)

    @dg.sensor(
        name="refresh_today",
        job_name=job,
        minimum_interval_seconds=min(TICK_SECONDS, minutes * 60),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Refreshes today when {source.label} has new rows, at most every {minutes} minutes.",
    )
    def refresh_today(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        instant, seen = now(), Seen.of(context.cursor)
        if seen and instant < dt.datetime.fromisoformat(seen.requested_at) + pause:
            return dg.SkipReason(f"last refresh requested at {seen.requested_at}; the next one {minutes} minutes later")
        if context.instance.get_runs_count(dg.RunsFilter(tags=TAG, statuses=UNFINISHED)):
            return dg.SkipReason("the last refresh has not ended")
        watermark = source.watermark()
        last = context.instance.get_runs(dg.RunsFilter(tags=TAG), limit=1)
        failed = bool(last) and last[0].status is dg.DagsterRunStatus.FAILURE
        if seen and watermark == seen.watermark and not failed:
            return dg.SkipReason("no new rows")
        today = day_of(instant, env.tz).isoformat()
        request = dg.RunRequest(run_key=f"{today} {instant.isoformat()}", partition_key=today, tags=TAG)
        cursor = json.dumps(asdict(Seen(watermark, instant.isoformat())))
        return dg.SensorResult(run_requests=[request], cursor=cursor)

    return refresh_today

"""Defines the sensor that requests the brief of a day whose run failed, as Dagster skips what is below a failed asset.

What the page says of the failed outputs is left to `daily_brief`, and sending it to `briefs`.
"""

import datetime as dt

import dagster as dg

from acquisition_assets.automation.alerts import PARTITION_TAG, WILL_RETRY_TAG, failed_steps, finished_runs
from acquisition_assets.automation.sensors import INTERVAL_SECONDS, OVERLAP, Clock, Cursor, utc_now
from acquisition_assets.core.lake import Lake
from acquisition_assets.daily_brief.contract import DAILY_BRIEF
from acquisition_assets.daily_brief.facts import write_reasons
from acquisition_assets.raw.contract import RAW_LEADS

NAME = "brief_after_failure"
FAILED_RUN_TAG = "acquisition/brief_after"
"""Tag of the requested run: the run that failed."""
EVENTS = {
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.STEP_FAILURE,
}
BRIEF, LEADS = dg.AssetKey(DAILY_BRIEF.table), dg.AssetKey(RAW_LEADS.table)


def failed_run_sensor(lake: Lake, job: str, *, clock: Clock = utc_now) -> dg.SensorDefinition:
    """Return the sensor that requests a run of the brief alone, once for each run that failed before the brief.

    It leaves the reasons in the lake, where the brief finds them. It requests nothing if ingestion failed, as the
    lake has nothing new then, nor if Dagster runs the failed run again by itself.

    Args:
        lake: The lake of the deployment.
        job: Name of the job that has the brief.
        clock: The time.
    """

    @dg.sensor(
        name=NAME,
        job_name=job,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests the brief of a day whose run failed after ingestion; the page says what failed, and why.",
    )
    def brief_after_failure(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now = clock()
        cursor = Cursor.read(context.cursor, now)
        origin = context.code_location_origin
        runs = finished_runs(context.instance, cursor.since - OVERLAP, origin.location_name if origin else None)
        requests = [
            request
            for run in runs
            if run.run_id not in cursor.seen and (request := _request(context.instance, lake, run)) is not None
        ]
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else "no run has failed before its brief",
            cursor=Cursor(now, frozenset(run.run_id for run in runs)).write(),
        )

    return brief_after_failure


def _request(instance: dg.DagsterInstance, lake: Lake, run: dg.DagsterRun) -> dg.RunRequest | None:
    """Return the request for the brief that a failed run did not come to, with its reasons written; else None.

    Its key is the failed run, by which Dagster launches no second one even if the sensor's cursor is lost.
    """
    is_final = run.tags.get(WILL_RETRY_TAG, "").lower() != "true"
    if run.status != dg.DagsterRunStatus.FAILURE or not is_final or FAILED_RUN_TAG in run.tags:
        return None
    try:
        day = dt.date.fromisoformat(run.tags.get(PARTITION_TAG, ""))
    except ValueError:
        return None
    entries = instance.all_logs(run.run_id, of_type=EVENTS)
    events = [entry.dagster_event for entry in entries if entry.dagster_event is not None]

    def assets(kind: dg.DagsterEventType) -> set[dg.AssetKey]:
        return {event.asset_key for event in events if event.event_type == kind and event.asset_key is not None}

    planned = assets(dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    started = {event.step_key for event in events if event.event_type == dg.DagsterEventType.STEP_START}
    if BRIEF not in planned or DAILY_BRIEF.table in started:
        return None
    if LEADS in planned and LEADS not in assets(dg.DagsterEventType.ASSET_MATERIALIZATION):
        return None
    if not lake.has(RAW_LEADS.table, day):
        return None
    write_reasons(lake, day, failed_steps(entries))
    return dg.RunRequest(
        run_key=run.run_id, partition_key=str(day), asset_selection=[BRIEF], tags={FAILED_RUN_TAG: run.run_id}
    )

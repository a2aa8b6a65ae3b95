"""Makes alerts from the events of a finished run: a title and a text without personal data, and whom they are for.

Does not decide when alerts are sent (see `sensors`), nor where to (see `notifiers`), nor what an incident is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import dagster as dg
from dagster._core.event_api import PartitionKeyFilter

from acquisition_assets.anomalies.contract import ANOMALIES
from acquisition_assets.core.masking import sanitize, sanitize_lines
from acquisition_assets.core.settings import AUDIENCES
from acquisition_assets.incidents.contract import HIGH, INCIDENTS, NONE_OPEN, NOTICES, QUARANTINE, RESOLVED, STALE_DATA
from acquisition_assets.metric_watch.contract import METRIC_WATCH

TEXT_LENGTH = 600
HISTORY = 20
LISTED = 20
"""Alerts of one message that are given in full; the others are a line each."""
GROWTH, DATA = AUDIENCES
PRODUCTS_OF_GROWTH = (ANOMALIES.table, METRIC_WATCH.table, INCIDENTS.table)
KINDS_OF_DATA = (STALE_DATA, QUARANTINE)
COVERED = ("fresh", "quarantine", "as_expected", NONE_OPEN)
"""Checks that incidents speak for, beside those of anomalies."""
BLOCKING_CHECKS = ("contract", "recomputed")
"""Checks of every table that keep it from being published; they concern the data, whatever the table."""
FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
EVENTS = {
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
}
PARTITION_TAG = "dagster/partition"
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
WILL_RETRY_TAG = "dagster/will_retry"
UNNAMED_JOB = "__ASSET_JOB"


@dataclass(frozen=True)
class Alert:
    """One thing that went wrong.

    name: what it is within its run, the same whenever it is looked for; urgent: ERROR, else WARN; line: the alert in a
    digest; audience: whom it is for; ids: what ends its message.
    """

    run_id: str
    name: str
    urgent: bool
    happened_at: float
    title: str
    body: str
    line: str
    audience: str = DATA
    ids: str = ""


@dataclass(frozen=True)
class Evaluation:
    """One outcome of a check.

    partition: the business day (or days) that it is about; indexed_partition: the partition that Dagster stored it for.
    """

    key: dg.AssetCheckKey
    partition: str | None
    indexed_partition: str | None
    passed: bool
    severity: dg.AssetCheckSeverity
    description: str
    happened_at: float

    def is_news_after(self, before: Evaluation | None) -> bool:
        """Whether this failure was not there before: the partition's last outcome was better."""
        if self.passed:
            return False
        return before is None or before.passed or (self._is_error and not before._is_error)

    @property
    def _is_error(self) -> bool:
        return self.severity == dg.AssetCheckSeverity.ERROR


# -- reading Dagster's event log --------------------------------------------------------------------------------------


def finished_runs(
    instance: dg.DagsterInstance, updated_after: dt.datetime, location: str | None
) -> list[dg.DagsterRun]:
    """The runs that ended since then, oldest first: those of this code location, and those that ran without any."""
    filters = dg.RunsFilter(statuses=FINISHED, updated_after=updated_after)
    records = instance.get_run_records(filters, order_by="update_timestamp", ascending=True)
    runs = (record.dagster_run for record in records)
    return [run for run in runs if location is None or _location(run) in (None, location)]


def _location(run: dg.DagsterRun) -> str | None:
    origin = run.remote_job_origin
    return origin.location_name if origin else None


def run_events(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Sequence[dg.EventLogEntry]:
    """The events of a run that alerts are made of."""
    return instance.all_logs(run.run_id, of_type=EVENTS)


def outcome_before(instance: dg.DagsterInstance, now: Evaluation, run_id: str) -> Evaluation | None:
    """The outcome of the check for the same partition in the newest finished run that started before this one.

    What an unfinished run found does not count: it has not been alerted, and never will be if the run was killed.
    """
    history = instance.event_log_storage.get_asset_check_execution_history(
        now.key, limit=HISTORY, partition_filter=PartitionKeyFilter(key=now.indexed_partition)
    )
    started_before = False
    for record in history:  # newest first
        if record.run_id == run_id:
            started_before = True
        elif started_before and record.event:
            found = _evaluation(record.event, None)
            run = instance.get_run_by_id(record.run_id)
            if found and found.partition == now.partition and (run is None or run.is_finished):
                return found
    return None


def _lasts(instance: dg.DagsterInstance, now: Evaluation) -> bool:
    """Whether a check is a WARN that the day before had too: a warning that lasts is alerted once."""
    try:
        before = dt.date.fromisoformat(now.indexed_partition or "") - dt.timedelta(days=1)
    except ValueError:
        return False
    history = instance.event_log_storage.get_asset_check_execution_history(
        now.key, limit=1, partition_filter=PartitionKeyFilter(key=before.isoformat())
    )
    found = _evaluation(history[0].event, None) if history and history[0].event else None
    return found is not None and not found.passed and found.severity == now.severity == dg.AssetCheckSeverity.WARN


def _evaluation(entry: dg.EventLogEntry, run_partition: str | None) -> Evaluation | None:
    event = entry.dagster_event
    if event is None or event.event_type != dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        return None
    data = event.asset_check_evaluation_data
    told = data.metadata.get("partition")
    return Evaluation(
        key=data.asset_check_key,
        partition=data.partition or (str(told.value) if told else run_partition),
        indexed_partition=data.partition,
        passed=data.passed,
        severity=data.severity,
        description=data.description or "",
        happened_at=entry.timestamp,
    )


# -- making alerts ----------------------------------------------------------------------------------------------------


def alerts_of(instance: dg.DagsterInstance, run: dg.DagsterRun, ui_url: str = "") -> list[Alert]:
    """What a finished run has to alert: its incidents, each newly failed check of a partition, and its own failure.

    Where a run has made incidents, they speak for the checks of anomalies, freshness and quarantine.
    """
    events = run_events(instance, run)
    partition = _partition(run)
    followed = [made for entry in events if (made := _followed(entry)) is not None]
    last: dict[tuple[dg.AssetCheckKey, str | None], Evaluation] = {}
    for entry in events:  # a step that was tried again evaluates again: its last outcome counts
        found = _evaluation(entry, partition)
        if found:
            last[found.key, found.partition] = found
    alerts = [alert for each in followed for alert in _incident_alerts(instance, run, each, ui_url)]
    alerts += [
        _check_alert(run, found, ui_url)
        for found in last.values()
        if not found.passed
        and not (followed and _is_covered(found.key))
        and found.is_news_after(outcome_before(instance, found, run.run_id))
        and not _lasts(instance, found)
    ]
    if run.status == dg.DagsterRunStatus.FAILURE:
        alerts.append(_run_alert(run, partition, events, ui_url))
    return alerts


@dataclass(frozen=True)
class _Followed:
    """The alerts of incidents that a run made for a day."""

    partition: str | None
    happened_at: float
    notices: Sequence[Mapping[str, Any]]


def _followed(entry: dg.EventLogEntry) -> _Followed | None:
    event = entry.dagster_event
    if event is None or event.event_type != dg.DagsterEventType.ASSET_MATERIALIZATION:
        return None
    made = event.step_materialization_data.materialization
    if made.asset_key.to_user_string() != INCIDENTS.table:
        return None
    return _Followed(made.partition, entry.timestamp, _notices(made))


def _notices(made: dg.AssetMaterialization) -> Sequence[Mapping[str, Any]]:
    found = made.metadata.get(NOTICES)
    value = found.value if found is not None else None
    return value if isinstance(value, list) else []


def _incident_alerts(instance: dg.DagsterInstance, run: dg.DagsterRun, made: _Followed, ui_url: str) -> list[Alert]:
    """The alerts of a day's incidents that no earlier run of the day has brought."""
    if not made.notices:
        return []
    before = _noticed_before(instance, made.partition, run.run_id)
    return [_incident_alert(run, notice, made, ui_url) for notice in made.notices if _name_of(notice) not in before]


def _noticed_before(instance: dg.DagsterInstance, partition: str | None, run_id: str) -> set[str]:
    """The names of the alerts of incidents of the partition that finished runs before this one brought."""
    filters = dg.AssetRecordsFilter(
        asset_key=dg.AssetKey(INCIDENTS.table), asset_partitions=None if partition is None else [partition]
    )
    records = instance.fetch_materializations(filters, limit=HISTORY).records
    names: set[str] = set()
    started_before = False
    for record in records:  # newest first
        if record.run_id == run_id:
            started_before = True
        elif started_before and record.asset_materialization is not None:
            earlier = instance.get_run_by_id(record.run_id)
            if earlier is None or earlier.is_finished:
                names |= {_name_of(notice) for notice in _notices(record.asset_materialization)}
    return names


def _name_of(notice: Mapping[str, Any]) -> str:
    return f"{notice['incident']}:{notice['event']}@{notice['day']}".replace(",", " ")


def _incident_alert(run: dg.DagsterRun, notice: Mapping[str, Any], made: _Followed, ui_url: str) -> Alert:
    link = f"{ui_url.rstrip('/')}/assets/{INCIDENTS.table}?view=partitions&partition={notice['day']}" if ui_url else ""
    title = sanitize(notice["title"])
    return Alert(
        run_id=run.run_id,
        name=_name_of(notice),
        urgent=notice["severity"] == HIGH and notice["event"] != RESOLVED,
        happened_at=made.happened_at,
        title=title,
        body=_body(f"{notice['message']}\n{notice['recommendation']}", [], link),
        line=title,
        audience=DATA if notice["kind"] in KINDS_OF_DATA else GROWTH,
        ids=sanitize(f"{notice['incident']} ({notice['day']})"),
    )


def _is_covered(key: dg.AssetCheckKey) -> bool:
    """Whether incidents speak for a check."""
    asset = key.asset_key.to_user_string()
    if key.name in BLOCKING_CHECKS:
        return False
    return asset in PRODUCTS_OF_GROWTH or (asset.startswith("raw_") and key.name in COVERED)


def _check_alert(run: dg.DagsterRun, found: Evaluation, ui_url: str) -> Alert:
    asset, check = found.key.asset_key.to_user_string(), found.key.name
    day = found.partition or "no partition"
    severity = found.severity.value
    title = f"[{severity}] {asset}: {check} failed on {day}"
    link = f"{ui_url.rstrip('/')}/assets/{asset}?view=checks&checkDetail={quote(check)}" if ui_url else ""
    facts = [f"Asset: {asset}", f"Check: {check}", f"Day: {day}", f"Severity: {severity}", f"Run: {run.run_id}"]
    return Alert(
        run_id=run.run_id,
        name=f"{asset}:{check}@{day}",
        urgent=found.severity == dg.AssetCheckSeverity.ERROR,
        happened_at=found.happened_at,
        title=sanitize(title),
        body=_body(found.description, facts, link),
        line=sanitize(title),
        audience=GROWTH if asset in PRODUCTS_OF_GROWTH and found.key.name not in BLOCKING_CHECKS else DATA,
    )


def _run_alert(run: dg.DagsterRun, partition: str | None, events: Iterable[dg.EventLogEntry], ui_url: str) -> Alert:
    events = list(events)
    name = "materialisation of chosen assets" if run.job_name == UNNAMED_JOB else run.job_name
    day = partition or "no partition"
    title = f"[ERROR] run failed: {name} on {day}"
    reasons = [f"{step}: {reason}" for step, reason in failed_steps(events).items()] or [
        entry.dagster_event.message or ""
        for entry in events
        if entry.dagster_event and entry.dagster_event.event_type == dg.DagsterEventType.RUN_FAILURE
    ]
    facts = [f"Job: {name}", f"Day: {day}", "Severity: ERROR", f"Run: {run.run_id}"]
    if run.tags.get(WILL_RETRY_TAG, "").lower() == "true":
        facts.append("Dagster runs it again by itself.")
    return Alert(
        run_id=run.run_id,
        name="run",
        urgent=True,
        happened_at=max((entry.timestamp for entry in events), default=0.0),
        title=sanitize(title),
        body=_body("\n".join(reasons), facts, f"{ui_url.rstrip('/')}/runs/{run.run_id}" if ui_url else ""),
        line=sanitize(title),
    )


def failed_steps(events: Iterable[dg.EventLogEntry]) -> dict[str, str]:
    """Return the steps that failed, each with its reason as the step gave it."""
    found = {}
    for entry in events:
        event = entry.dagster_event
        if event is None or event.event_type != dg.DagsterEventType.STEP_FAILURE:
            continue
        data = event.step_failure_data
        reason = data.user_failure_data.description if data.user_failure_data else None
        if not reason and data.error:
            reason = (data.error.cause or data.error).message.strip()
        found[str(event.step_key)] = reason or "failed"
    return found


def _partition(run: dg.DagsterRun) -> str | None:
    """The partition of a run, or its range of them."""
    first, last = (run.tags.get(tag) for tag in RANGE_TAGS)
    if first and last:
        return first if first == last else f"{first}...{last}"
    return run.tags.get(PARTITION_TAG)


def _body(description: str, facts: Iterable[str], link: str) -> str:
    text = sanitize_lines(description.strip())
    if len(text) > TEXT_LENGTH:
        text = text[: TEXT_LENGTH - 1] + "…"
    return "\n".join(part for part in (text, *facts, link) if part)


def message_of(alerts: Sequence[Alert]) -> tuple[str, str]:
    """Title and text of the alerts of one run: the first gives the title, ids come last.

    Beyond `LISTED` alerts, each is a line.
    """
    first, *others = alerts
    ids = [alert.ids for alert in alerts[:LISTED] if alert.ids]
    if not others:
        return first.title, "\n".join([first.body, *ids])
    parts = [f"{alert.title}\n{alert.body}" for alert in alerts[:LISTED]]
    more = [alert.line for alert in alerts[LISTED:]]
    parts += ["\n".join(lines) for lines in (more, ids) if lines]
    return f"{first.title} (+{len(others)})", "\n\n".join(parts)


def digest(alerts: Sequence[Alert]) -> tuple[str, str]:
    """Title and text of many alerts in one message: every one is a line."""
    urgent = sum(alert.urgent for alert in alerts)
    return f"{len(alerts)} more alerts, {urgent} of them ERROR", "\n".join(alert.line for alert in alerts)

"""Defines the sensor that sends each alert once to each target, and loses none while a target is down.

What an alert says is left to `alerts`, and how a target is reached to `notifiers`.

Each delivery is recorded at once on the run it is about, in the hidden tag `.dagster/acquisition/alerted.<target>`. A
tick may fail, be killed or lose its cursor: the next one sends what is missing, and only that. The cursor holds the
time from which runs are examined; it advances when nothing is pending.
"""

import datetime as dt
import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import dagster as dg

from acquisition_assets.automation.alerts import GROWTH, Alert, alerts_of, digest, finished_runs, message_of
from acquisition_assets.automation.notifiers import AlertError, Notifier, make_notifiers
from acquisition_assets.core.days import UTC
from acquisition_assets.core.settings import Settings
from acquisition_assets.incidents.policy import AlertPolicy

NAME = "alerts"
ALERTED_TAG = ".dagster/acquisition/alerted."
"""Dagster's UI hides tags that begin with `.dagster/`."""
SEPARATOR = ", "
INTERVAL_SECONDS = 30
FIRST_LOOK_BACK = dt.timedelta(hours=24)
OVERLAP = dt.timedelta(minutes=10)  # clocks of machines differ, and a row may be committed later than its time says
SINGLE_MESSAGES = 20
TICK_SECONDS = 40.0  # Dagster gives up on a tick after 60
Clock = Callable[[], dt.datetime]


def utc_now() -> dt.datetime:
    """Return the time, in UTC."""
    return dt.datetime.now(UTC)


def alert_sensor(
    settings: Settings,
    policy: AlertPolicy | None = None,
    *,
    notifiers: Callable[[logging.Logger], Sequence[Notifier]] | None = None,
    clock: Clock = utc_now,
) -> dg.SensorDefinition:
    """The sensor that sends one message per run and target: what is new of its incidents, checks and failure.

    Args:
        policy: when alerts are held back; None for never.
        notifiers: makes the targets for a tick's log (default: those of ACQUISITION_ALERT_URLS).
    """

    @dg.sensor(
        name=NAME,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Sends one message per run to each target of ACQUISITION_ALERT_URLS, or to the log: what is new of its "
            "incidents and checks, and its failure. A target that is down fails the tick; what it missed is sent when "
            "it is back."
        ),
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        now, deadline = clock(), time.monotonic() + TICK_SECONDS
        cursor = Cursor.read(context.cursor, now)
        if policy is not None and policy.is_quiet(now.astimezone(settings.tz)):
            context.update_cursor(cursor.write())
            return dg.SkipReason("alerts are held back during quiet hours and days, and sent after them")
        origin = context.code_location_origin
        runs = finished_runs(context.instance, cursor.since - OVERLAP, origin.location_name if origin else None)
        found = [
            alert
            for run in runs
            if run.run_id not in cursor.seen
            for alert in alerts_of(context.instance, run, settings.ui_url)
        ]
        found.sort(key=lambda alert: (not alert.urgent, alert.audience != GROWTH, alert.happened_at))
        targets = notifiers(context.log) if notifiers else make_notifiers(settings.alert_urls, context.log)
        deliveries = [deliver(context.instance, target, found, deadline) for target in targets]
        broken = [delivery for delivery in deliveries if delivery.error]
        if broken:
            waiting = "; ".join(f"{delivery.error} ({delivery.waiting} alerts wait)" for delivery in broken)
            raise AlertError(f"{waiting}; nothing is lost: they are sent when the target is back")
        waiting_count = sum(delivery.waiting for delivery in deliveries)
        if not waiting_count:
            context.update_cursor(Cursor(now, frozenset(run.run_id for run in runs)).write())
        sent = sum(delivery.sent for delivery in deliveries)
        rest = f", {waiting_count} wait for the next tick" if waiting_count else ""
        return dg.SkipReason(f"{sent} alerts sent{rest}" if sent or rest else "nothing new has failed")

    return alerts


@dataclass(frozen=True)
class Cursor:
    """From when on finished runs are looked at, and which of those of the overlap are done."""

    since: dt.datetime
    seen: frozenset[str] = frozenset()

    @classmethod
    def read(cls, text: str | None, now: dt.datetime) -> "Cursor":
        """The stored cursor; without one (first tick, deleted) the last 24 hours are looked at, nothing older."""
        if not text:
            return cls(now - FIRST_LOOK_BACK)
        try:
            stored = json.loads(text)
            return cls(dt.datetime.fromisoformat(stored["since"]), frozenset(stored["seen"]))
        except (ValueError, KeyError, TypeError):
            return cls(now - FIRST_LOOK_BACK)

    def write(self) -> str:
        """The cursor as it is stored."""
        return json.dumps({"since": self.since.isoformat(), "seen": sorted(self.seen)})


@dataclass(frozen=True)
class Delivery:
    """What became of a tick's alerts at one target."""

    sent: int
    waiting: int
    error: AlertError | None = None


def deliver(instance: dg.DagsterInstance, target: Notifier, found: Sequence[Alert], deadline: float) -> Delivery:
    """Send a target its alerts that it has not had, and write down each; stop at the first that it does not take."""
    alerts = [alert for alert in found if alert.audience in target.audiences]
    done: dict[str, set[str]] = {run_id: _delivered(instance, run_id, target) for run_id in {a.run_id for a in alerts}}
    pending = [alert for alert in alerts if alert.name not in done[alert.run_id]]
    sent = 0
    for message in _messages(pending):
        if sent and time.monotonic() > deadline:
            break
        title, body = message_of(message) if len({alert.run_id for alert in message}) == 1 else digest(message)
        try:
            target.send(title, body, urgent=any(alert.urgent for alert in message))
        except AlertError as error:
            return Delivery(sent, len(pending) - sent, error)
        _write_down(instance, target, message, done)
        sent += len(message)
    return Delivery(sent, len(pending) - sent)


def _messages(alerts: Sequence[Alert]) -> list[list[Alert]]:
    """The alerts of each run together; of too many runs, those of the last ones."""
    runs: dict[str, list[Alert]] = {}
    for alert in alerts:
        runs.setdefault(alert.run_id, []).append(alert)
    messages = list(runs.values())
    if len(messages) <= SINGLE_MESSAGES:
        return messages
    rest = [alert for message in messages[SINGLE_MESSAGES - 1 :] for alert in message]
    return [*messages[: SINGLE_MESSAGES - 1], rest]


def _delivered(instance: dg.DagsterInstance, run_id: str, target: Notifier) -> set[str]:
    run = instance.get_run_by_id(run_id)
    value = run.tags.get(ALERTED_TAG + target.key, "") if run else ""
    return set(value.split(SEPARATOR)) - {""}


def _write_down(
    instance: dg.DagsterInstance, target: Notifier, alerts: Iterable[Alert], done: dict[str, set[str]]
) -> None:
    for alert in alerts:
        done[alert.run_id].add(alert.name)
    for run_id in dict.fromkeys(alert.run_id for alert in alerts):
        instance.add_run_tags(run_id, {ALERTED_TAG + target.key: SEPARATOR.join(sorted(done[run_id]))})

"""Defines the sensor that sends the brief of each day once to each target, and again when its numbers were corrected.

The page is left to `daily_brief`, and how a target is reached to `notifiers`.

Each delivery is recorded at once on the run that made the brief, in the hidden tag
`.dagster/acquisition/briefed.<target>`, with a hash of the headline numbers. A tick may fail, be killed or lose its
cursor: the next one sends what is missing, and only that. The cursor holds the time from which briefs are looked at; it
advances when nothing is pending.
"""

import datetime as dt
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import dagster as dg

from acquisition_assets.automation.alerts import HISTORY
from acquisition_assets.automation.jobs import UNFINISHED
from acquisition_assets.automation.notifiers import AlertError, brief_targets
from acquisition_assets.automation.sensors import FIRST_LOOK_BACK, OVERLAP, TICK_SECONDS, Clock, utc_now
from acquisition_assets.core.days import day_of, end_of_day
from acquisition_assets.core.errors import LakeError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.settings import Settings
from acquisition_assets.core.staging import open_folder, temporary_place
from acquisition_assets.daily_brief.asset import DELIVERED_CHECK, sent_page
from acquisition_assets.daily_brief.contract import DAILY_BRIEF
from acquisition_assets.daily_brief.page import message_title

NAME = "send_briefs"
SENT_TAG = ".dagster/acquisition/briefed."
"""Dagster's UI hides tags that begin with `.dagster/`."""
INTERVAL_SECONDS = 60
PAGE_OF_RECORDS = 100
ASSET = dg.AssetKey(DAILY_BRIEF.table)


class Target(Protocol):
    """One target of briefs. key: a stable short name; label: its name for people. Neither holds a secret."""

    @property
    def key(self) -> str:
        """The stable short name."""

    @property
    def label(self) -> str:
        """The name for people."""

    def send_page(self, title: str, page: str, file: Path) -> None:
        """Deliver a page.

        Raises:
            AlertError: The target did not take it.
        """


@dataclass(frozen=True)
class Cursor:
    """From when on briefs are looked at, and what is wrong with the delivery of days, as it was last reported."""

    since: dt.datetime
    failing: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None, now: dt.datetime) -> "Cursor":
        """Return the stored cursor; without one (first tick, deleted) the last 24 hours are looked at."""
        try:
            stored = json.loads(text or "")
            return cls(dt.datetime.fromisoformat(stored["since"]), dict(stored["failing"]))
        except (ValueError, KeyError, TypeError):
            return cls(now - FIRST_LOOK_BACK)

    def write(self) -> str:
        """Return the cursor as it is stored."""
        return json.dumps({"since": self.since.isoformat(), "failing": dict(self.failing)})


@dataclass(frozen=True)
class Made:
    """The newest brief of a day that a run has made. made_at: seconds of the epoch."""

    day: dt.date
    run_id: str
    made_at: float


@dataclass(frozen=True)
class Outcome:
    """What became of the brief of a day in one tick. errors: a line per target that did not take it."""

    sent: int
    errors: Sequence[str]


def brief_sensor(
    settings: Settings,
    lake: Lake,
    send_days: int,
    locale: Locale,
    *,
    targets: Sequence[Target] | None = None,
    clock: Clock = utc_now,
) -> dg.SensorDefinition:
    """Return the sensor that sends the newest brief of each day that has ended to each target.

    Args:
        settings: The targets and the time zone of the days.
        lake: The lake that holds the pages.
        send_days: Briefs of days that ended longer ago are not sent, so that a backfill sends no mail for each of its
            days; the lake's newest day is an exception, once no run is under way.
        locale: The language of the subject.
        targets: The targets (default: those of ACQUISITION_BRIEF_URLS).
        clock: The time.
    """
    given = brief_targets(settings.brief_urls) if targets is None else targets

    @dg.sensor(
        name=NAME,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Sends each day's brief once to each target of ACQUISITION_BRIEF_URLS, and again when its headline numbers "
            f"were corrected. A target that is down fails the check {DELIVERED_CHECK}, and gets the brief when it is "
            "back."
        ),
    )
    def send_briefs(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now, deadline = clock(), time.monotonic() + TICK_SECONDS
        cursor = Cursor.read(context.cursor, now)
        last_day = day_of(now, settings.tz) - dt.timedelta(days=1)
        first = int(now.timestamp() // INTERVAL_SECONDS) % max(1, len(given))
        in_turn = [*given[first:], *given[:first]]  # so that slow targets do not use up each tick before the others
        outcomes: dict[str, Outcome] = {}
        is_pending = False
        for made in newest_briefs(context.instance, cursor.since - OVERLAP):
            if made.made_at < end_of_day(made.day, settings.tz).timestamp():
                continue  # a day that is refreshed while it lasts is sent when it is over
            if made.day <= last_day - dt.timedelta(days=send_days):
                if made.day != max(lake.days(DAILY_BRIEF.table), default=None):
                    continue
                if context.instance.get_runs_count(dg.RunsFilter(statuses=UNFINISHED)):
                    is_pending = True
                    continue
            if time.monotonic() > deadline:
                is_pending = True
                break
            try:
                outcomes[str(made.day)] = _deliver(context.instance, lake, made, in_turn, locale, deadline)
            except LakeError as error:
                context.log.warning("the brief of %s is not sent: %s", made.day, error)
        failing = {day: "; ".join(outcome.errors) for day, outcome in outcomes.items() if outcome.errors}
        if is_pending:  # days that this tick did not come to stay as they were
            untouched = {day: text for day, text in cursor.failing.items() if day not in outcomes}
            failing = {**untouched, **failing}
        is_done = not is_pending and not failing
        sent = sum(outcome.sent for outcome in outcomes.values())
        waiting = sum(len(outcome.errors) for outcome in outcomes.values())
        return dg.SensorResult(
            skip_reason=f"{sent} sent, {waiting} wait for the next tick" if sent or waiting else "no new brief",
            cursor=Cursor(now if is_done else cursor.since, failing).write(),
            asset_events=list(_evaluations(cursor.failing, failing, sent, len(given))),
        )

    return send_briefs


def newest_briefs(instance: dg.DagsterInstance, since: dt.datetime) -> list[Made]:
    """Return the newest brief of each day that runs have made since then, by day."""
    found: dict[dt.date, Made] = {}
    for record in _records(instance, dg.AssetRecordsFilter(asset_key=ASSET, after_timestamp=since.timestamp())):
        try:
            day = dt.date.fromisoformat(record.partition_key or "")
        except ValueError:
            continue
        found.setdefault(day, Made(day, record.run_id, record.timestamp))
    return [found[day] for day in sorted(found)]


def _records(instance: dg.DagsterInstance, wanted: dg.AssetRecordsFilter) -> Iterator[dg.EventLogRecord]:
    """Yield the materialisations that runs have made, newest first; somebody may also report one by hand."""
    cursor, has_more = None, True
    while has_more:
        page = instance.fetch_materializations(wanted, limit=PAGE_OF_RECORDS, cursor=cursor)
        yield from (record for record in page.records if instance.has_run(record.run_id))
        cursor, has_more = page.cursor, page.has_more


def _deliver(
    instance: dg.DagsterInstance,
    lake: Lake,
    made: Made,
    targets: Sequence[Target],
    locale: Locale,
    deadline: float,
) -> Outcome:
    """Send the brief of a day to the targets that lack it, until the deadline, and record each delivery.

    Raises:
        LakeError: The lake lacks the brief.
    """
    have = _tags(instance, made.run_id)
    lacking = [target for target in targets if SENT_TAG + target.key not in have]
    if not lacking:
        return Outcome(0, ())
    page, numbers = sent_page(lake, made.day)
    before = _sent_before(instance, made)
    sent, errors = 0, list[str]()
    with open_folder(temporary_place()) as folder:
        file = folder / f"brief-{made.day}.html"
        file.write_text(page, encoding="utf-8")
        for target in lacking:
            tag = SENT_TAG + target.key
            if (sent or errors) and time.monotonic() > deadline:
                errors.append(f"{target.label} waits, as the tick took too long")
                continue
            if before.get(tag) != numbers:
                try:
                    target.send_page(message_title(made.day, locale, is_corrected=tag in before), page, file)
                except AlertError as error:
                    errors.append(str(error))
                    continue
                sent += 1
            instance.add_run_tags(made.run_id, {tag: numbers})
    return Outcome(sent, errors)


def _sent_before(instance: dg.DagsterInstance, made: Made) -> dict[str, str]:
    """Return what each target was sent of earlier runs of the day: the hash of the numbers, by tag."""
    wanted = dg.AssetRecordsFilter(asset_key=ASSET, asset_partitions=[made.day.isoformat()])
    found: dict[str, str] = {}
    for place, record in enumerate(_records(instance, wanted)):
        if place > HISTORY:
            break
        if record.run_id != made.run_id:
            found = {**_tags(instance, record.run_id), **found}
    return found


def _tags(instance: dg.DagsterInstance, run_id: str) -> dict[str, str]:
    run = instance.get_run_by_id(run_id)
    return {name: value for name, value in run.tags.items() if name.startswith(SENT_TAG)} if run else {}


def _evaluations(
    before: Mapping[str, str], failing: Mapping[str, str], sent: int, targets: int
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield the outcome of the check, if a brief was sent or something else is wrong than at the last tick.

    It is about all days, as Dagster stores only one outcome for a partition that no run has evaluated.
    """
    if not sent and before == failing:
        return
    text = "; ".join(f"{day}: {errors}" for day, errors in failing.items())
    yield dg.AssetCheckEvaluation(
        asset_key=ASSET,
        check_name=DELIVERED_CHECK,
        passed=not failing,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{text}; sent again at each tick" if failing else f"{targets} targets took every brief",
        metadata={"targets": targets, "waiting_days": len(failing)},
    )

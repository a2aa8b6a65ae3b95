"""Protects the alert sensor: each failure is alerted exactly once, even if a target refuses or is down.

Runs are real, and so are the HTTP servers that take the alerts.
"""

import datetime as dt
import http.server
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from acquisition_assets.automation import sensors
from acquisition_assets.automation.alerts import LISTED, alerts_of
from acquisition_assets.automation.notifiers import AlertError
from acquisition_assets.automation.sensors import ALERTED_TAG, alert_sensor
from acquisition_assets.core.settings import Settings
from acquisition_assets.incidents.policy import AlertPolicy

UTC = dt.timezone.utc
DAYS = dg.DailyPartitionsDefinition("2025-01-01")
DAY = "2025-03-10"
pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w+")
PERSON = "ana.lopez@example.com"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class Target:
    """An HTTP server that takes alerts as apprise's json:// sends them, or refuses them."""

    def __init__(self, port: int = 0) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        self.refuse_after: int | None = None
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if target.refuse_after is not None and len(target.got) >= target.refuse_after:
                    target.status = 503
                if target.status == 200:
                    target.got.append(json.loads(content))
                self.send_response(target.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"json://user:s3cret@127.0.0.1:{self.port}/token-t0ken"

    @property
    def titles(self) -> list[str]:
        return [alert["title"] for alert in self.got]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target()
    yield made
    made.close()


@pytest.fixture
def second() -> Iterator[Target]:
    made = Target()
    yield made
    made.close()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


class Clock:
    """Now, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = dt.timedelta(seconds=2)  # a run ends after the microsecond in which a tick may start

    def __call__(self) -> dt.datetime:
        return dt.datetime.now(UTC) + self.ahead


class Daemon:
    """The sensor with its cursor, as the daemon keeps it."""

    def __init__(self, instance: dg.DagsterInstance, urls: str, ui_url: str = "http://ui:3000/") -> None:
        self.instance, self.cursor, self.clock = instance, None, Clock()
        self.settings = Settings.from_environment({}, alert_urls=urls, ui_url=ui_url)
        self.policy = AlertPolicy(quiet_weekdays=[], quiet_dates=[])

    def tick(self) -> str:
        """What a tick says of itself."""
        sensor = alert_sensor(self.settings, self.policy, clock=self.clock)
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor, sensor_name="alerts") as context:
            result = sensor(context)
            assert isinstance(result, dg.SkipReason)
            self.cursor = context.cursor
        return result.skip_message or ""

    def fails(self) -> str:
        """The error of a tick that must fail; it does not move the cursor."""
        with pytest.raises(AlertError) as failed:
            self.tick()
        assert failed.value.retryable
        return str(failed.value)


def asset(
    passed: bool = True,
    *,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    error: Exception | None = None,
    text: str = "62 % of the referrals are fraud",
    checks: Sequence[str] = ("high_fraud_rate",),
    by_day: bool = True,
    fail_first: Callable[[dg.AssetExecutionContext], bool] = lambda _: False,
) -> dg.AssetsDefinition:
    """An asset with checks, made as those of the project are."""

    @dg.multi_asset(
        name="anomalies",
        specs=[dg.AssetSpec("anomalies", partitions_def=DAYS)],
        check_specs=[
            dg.AssetCheckSpec(name, asset="anomalies", partitions_def=DAYS if by_day else None) for name in checks
        ],
    )
    def compute(context: dg.AssetExecutionContext) -> Iterator[Any]:
        ok = passed and not fail_first(context)
        for name in checks:
            yield dg.AssetCheckResult(
                asset_key="anomalies", check_name=name, passed=ok, severity=severity, description=text
            )
        if error:
            raise error
        if not ok and fail_first(context):
            raise dg.RetryRequested(max_retries=1, seconds_to_wait=0)
        yield dg.MaterializeResult(asset_key="anomalies")

    return compute


def run(
    instance: dg.DagsterInstance, made: dg.AssetsDefinition, day: str = DAY, **tags: str
) -> dg.ExecuteInProcessResult:
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    return dg.materialize(
        [made], instance=instance, partition_key=day, raise_on_error=False, tags=tags, run_config=QUIET
    )


def test_a_failed_check_is_told_once(instance: dg.DagsterInstance, target: Target) -> None:
    daemon = Daemon(instance, target.url)
    result = run(instance, asset(passed=False))
    assert result.success  # an anomaly fails no run
    assert daemon.tick() == "1 alerts sent"
    (alert,) = target.got
    assert alert["title"] == "[ERROR] anomalies: high_fraud_rate failed on 2025-03-10"
    assert alert["type"] == "failure"
    assert alert["message"].split("\n") == [
        "62 % of the referrals are fraud",
        "Asset: anomalies",
        "Check: high_fraud_rate",
        "Day: 2025-03-10",
        "Severity: ERROR",
        f"Run: {result.run_id}",
        "http://ui:3000/assets/anomalies?view=checks&checkDetail=high_fraud_rate",
    ]
    assert [daemon.tick(), daemon.tick()] == ["nothing new has failed"] * 2
    assert len(target.got) == 1


def test_a_warning_is_told_as_one_and_after_the_errors(instance: dg.DagsterInstance, target: Target) -> None:
    run(instance, asset(passed=False, severity=dg.AssetCheckSeverity.WARN))
    run(instance, asset(passed=False), day="2025-03-11")
    Daemon(instance, target.url).tick()
    assert [(alert["title"][:7], alert["type"]) for alert in target.got] == [
        ("[ERROR]", "failure"),
        ("[WARN] ", "warning"),
    ]


def test_a_failed_run_is_told_once_with_its_reason(instance: dg.DagsterInstance, target: Target) -> None:
    daemon = Daemon(instance, target.url)
    failure = dg.Failure(description="raw_leads: 12 of 40 rows are bad", allow_retries=False)
    result = run(instance, asset(error=failure))
    assert not result.success
    assert daemon.tick() == "1 alerts sent"
    (alert,) = target.got
    assert alert["title"].startswith("[ERROR] run failed: ")
    assert alert["title"].endswith(" on 2025-03-10")
    assert "anomalies: raw_leads: 12 of 40 rows are bad" in alert["message"]
    assert f"http://ui:3000/runs/{result.run_id}" in alert["message"]
    assert daemon.tick() == "nothing new has failed"


def test_an_error_that_nobody_foresaw_is_told_with_its_message(instance: dg.DagsterInstance, target: Target) -> None:
    run(instance, asset(error=OSError("no space left on device")))
    Daemon(instance, target.url).tick()
    assert "no space left on device" in target.got[0]["message"]


def test_a_check_that_goes_on_failing_is_told_again_only_after_it_passed(
    instance: dg.DagsterInstance, target: Target
) -> None:
    daemon = Daemon(instance, target.url)
    for passed in (False, False, True, False):
        run(instance, asset(passed=passed))
        daemon.tick()
    assert len(target.got) == 2


def test_a_warning_that_lasts_for_days_is_told_once(instance: dg.DagsterInstance, target: Target) -> None:
    warn = dg.AssetCheckSeverity.WARN
    for day, passed in (("2025-03-10", False), ("2025-03-11", False), ("2025-03-12", True), ("2025-03-13", False)):
        run(instance, asset(passed=passed, severity=warn), day=day)
    Daemon(instance, target.url).tick()
    assert [title[-10:] for title in target.titles] == ["2025-03-10", "2025-03-13"]


def test_a_warning_that_becomes_an_error_is_news_and_an_error_that_becomes_a_warning_is_not(
    instance: dg.DagsterInstance, target: Target
) -> None:
    daemon = Daemon(instance, target.url)
    for severity in (dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN):
        run(instance, asset(passed=False, severity=severity))
        daemon.tick()
    assert [title[:7] for title in target.titles] == ["[WARN] ", "[ERROR]"]


def test_each_day_has_its_own_history(instance: dg.DagsterInstance, target: Target) -> None:
    daemon = Daemon(instance, target.url)
    for day in ("2025-03-10", "2025-03-11", "2025-03-10"):
        run(instance, asset(passed=False), day=day)
        daemon.tick()
    assert [title[-10:] for title in target.titles] == ["2025-03-10", "2025-03-11"]


def test_a_check_that_dagster_stores_for_no_day_is_told_by_the_day_of_its_run(
    instance: dg.DagsterInstance, target: Target
) -> None:
    run(instance, asset(passed=False, by_day=False))
    Daemon(instance, target.url).tick()
    assert target.titles == ["[ERROR] anomalies: high_fraud_rate failed on 2025-03-10"]


def test_a_range_of_days_and_a_run_without_a_day_are_named(instance: dg.DagsterInstance, target: Target) -> None:
    @dg.asset
    def reading() -> None:
        raise dg.Failure("away")

    tags = {"dagster/asset_partition_range_start": "2025-03-01", "dagster/asset_partition_range_end": "2025-03-03"}
    dg.materialize([reading], instance=instance, raise_on_error=False, tags=tags, run_config=QUIET)
    one = dict.fromkeys(tags, "2025-03-01")
    dg.materialize([reading], instance=instance, raise_on_error=False, tags=one, run_config=QUIET)
    dg.materialize([reading], instance=instance, raise_on_error=False, run_config=QUIET)
    Daemon(instance, target.url).tick()
    assert [title.split(" on ")[1] for title in target.titles] == [
        "2025-03-01...2025-03-03",
        "2025-03-01",
        "no partition",
    ]


def test_a_run_that_dagster_starts_again_by_itself_says_so(instance: dg.DagsterInstance, target: Target) -> None:
    result = run(instance, asset(error=dg.Failure("away")))
    instance.add_run_tags(result.run_id, {"dagster/will_retry": "true"})
    Daemon(instance, target.url).tick()
    assert "Dagster runs it again by itself." in target.got[0]["message"]


def test_of_a_step_that_was_tried_again_the_last_outcome_counts(instance: dg.DagsterInstance, target: Target) -> None:
    result = run(instance, asset(fail_first=lambda context: context.retry_number == 0))
    assert result.success
    assert Daemon(instance, target.url).tick() == "nothing new has failed"


def test_a_cancelled_run_is_no_failure_but_its_failed_checks_are_told(
    instance: dg.DagsterInstance, target: Target
) -> None:
    result = run(instance, asset(passed=False))
    cancelled = instance.get_run_by_id(result.run_id)
    assert cancelled is not None
    instance.report_run_canceled(cancelled)
    Daemon(instance, target.url).tick()
    assert target.titles == ["[ERROR] anomalies: high_fraud_rate failed on 2025-03-10"]


def test_an_unfinished_run_waits_until_it_has_ended(instance: dg.DagsterInstance, target: Target) -> None:
    daemon = Daemon(instance, target.url)
    inside: list[str] = []

    @dg.multi_asset(
        name="anomalies",
        specs=[dg.AssetSpec("anomalies", partitions_def=DAYS)],
        check_specs=[dg.AssetCheckSpec("late", asset="anomalies", partitions_def=DAYS)],
    )
    def slow() -> Iterator[Any]:
        yield dg.AssetCheckResult(asset_key="anomalies", check_name="late", passed=False)
        inside.append(daemon.tick())
        yield dg.MaterializeResult(asset_key="anomalies")

    run(instance, slow)
    assert inside == ["nothing new has failed"]
    assert daemon.tick() == "1 alerts sent"


# -- what is remembered ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [None, "", "no json", "{}", '{"since": 3, "seen": []}', '{"since": "x", "seen": []}'])
def test_a_lost_cursor_tells_nothing_twice(instance: dg.DagsterInstance, target: Target, lost: str | None) -> None:
    daemon = Daemon(instance, target.url)
    run(instance, asset(passed=False))
    daemon.tick()
    daemon.cursor = lost
    assert daemon.tick() == "nothing new has failed"
    assert len(target.got) == 1


def test_a_daemon_that_starts_again_tells_nothing_twice(tmp_path: Path, target: Target) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run(instance, asset(passed=False))
        assert Daemon(instance, target.url).tick() == "1 alerts sent"
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert Daemon(instance, target.url).tick() == "nothing new has failed"


def test_the_first_tick_looks_back_a_day_and_not_further(instance: dg.DagsterInstance, target: Target) -> None:
    run(instance, asset(passed=False))
    old, young = Daemon(instance, target.url), Daemon(instance, target.url)
    old.clock.ahead = dt.timedelta(hours=24, minutes=11)
    assert old.tick() == "nothing new has failed"
    young.clock.ahead = dt.timedelta(hours=23, minutes=59)
    assert young.tick() == "1 alerts sent"


def test_a_run_that_ended_while_nobody_looked_is_told_later(instance: dg.DagsterInstance, target: Target) -> None:
    daemon = Daemon(instance, target.url)
    daemon.tick()
    run(instance, asset(passed=False))
    daemon.clock.ahead = dt.timedelta(days=9)
    assert daemon.tick() == "1 alerts sent"


# -- targets that are down ---------------------------------------------------------------------------------------------


def test_a_target_that_is_down_fails_the_tick_and_gets_everything_when_it_is_back(
    instance: dg.DagsterInstance, target: Target
) -> None:
    daemon = Daemon(instance, target.url)
    target.close()
    run(instance, asset(passed=False))
    assert daemon.fails() == (
        "alert target 1 (json://) did not take the alert: it cannot be reached (1 alerts wait); nothing is lost: they "
        "are sent when the target is back"
    )
    run(instance, asset(passed=False), day="2025-03-11")
    assert "(2 alerts wait)" in daemon.fails()
    again = Target(target.port)
    try:
        assert daemon.tick() == "2 alerts sent"
        assert [title[-10:] for title in again.titles] == ["2025-03-10", "2025-03-11"]
    finally:
        again.close()


def test_a_target_that_breaks_half_way_gets_the_rest_and_nothing_twice(
    instance: dg.DagsterInstance, target: Target
) -> None:
    daemon = Daemon(instance, target.url)
    for day in ("2025-03-10", "2025-03-11", "2025-03-12"):
        run(instance, asset(passed=False), day=day)
    target.refuse_after = 1
    assert "HTTP status 503 (2 alerts wait)" in daemon.fails()
    target.refuse_after, target.status = None, 200
    assert daemon.tick() == "2 alerts sent"
    assert [title[-10:] for title in target.titles] == ["2025-03-10", "2025-03-11", "2025-03-12"]


def test_a_broken_target_keeps_nothing_from_the_others(
    instance: dg.DagsterInstance, target: Target, second: Target
) -> None:
    target.status = 500
    daemon = Daemon(instance, f"{target.url} {second.url}")
    run(instance, asset(passed=False))
    assert "alert target 1 (json://)" in daemon.fails()
    assert len(second.got) == 1
    daemon.fails()
    target.status = 200
    assert daemon.tick() == "1 alerts sent"
    assert (len(target.got), len(second.got)) == (1, 1)


def test_a_new_target_is_told_what_the_last_day_holds(
    instance: dg.DagsterInstance, target: Target, second: Target
) -> None:
    """After a change of the settings the code server starts again, with the daemon's cursor."""
    run(instance, asset(passed=False))
    daemon = Daemon(instance, target.url)
    daemon.tick()
    daemon.settings = Settings.from_environment({}, alert_urls=f"{target.url} {second.url}")
    run(instance, asset(passed=False), day="2025-03-11")
    daemon.tick()
    assert (len(target.got), len(second.got)) == (2, 1)


def test_the_alerts_of_a_run_are_one_message_that_names_each(instance: dg.DagsterInstance, target: Target) -> None:
    daemon = Daemon(instance, target.url)
    names = [f"check_{n:02}" for n in range(LISTED + 10)]
    result = run(instance, asset(passed=False, checks=names))
    assert daemon.tick() == f"{len(names)} alerts sent"
    (message,) = target.got
    assert message["title"] == f"[ERROR] anomalies: check_00 failed on {DAY} (+{len(names) - 1})"
    *full, rest = message["message"].split("\n\n")
    assert [text.split("\n")[0] for text in full] == [f"[ERROR] anomalies: {n} failed on {DAY}" for n in names[:LISTED]]
    assert all(f"Run: {result.run_id}" in text for text in full)
    assert rest.split("\n") == [f"[ERROR] anomalies: {name} failed on {DAY}" for name in names[LISTED:]]
    assert daemon.tick() == "nothing new has failed"


def test_a_tick_that_takes_too_long_goes_on_in_the_next(
    instance: dg.DagsterInstance, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "TICK_SECONDS", -1.0)
    daemon = Daemon(instance, target.url)
    for day in ("2025-03-10", "2025-03-11"):
        run(instance, asset(passed=False), day=day)
    assert daemon.tick() == "1 alerts sent, 1 wait for the next tick"
    assert daemon.tick() == "1 alerts sent"
    assert [title[-10:] for title in target.titles] == ["2025-03-10", "2025-03-11"]


def test_without_targets_alerts_go_to_the_log(instance: dg.DagsterInstance, capsys: pytest.CaptureFixture[str]) -> None:
    run(instance, asset(passed=False))
    run(instance, asset(passed=False, severity=dg.AssetCheckSeverity.WARN), day="2025-03-11")
    daemon = Daemon(instance, "")
    assert daemon.tick() == "2 alerts sent"
    assert daemon.tick() == "nothing new has failed"
    told = re.findall(r"(\w+) - alert: (.*)\n(.*)", capsys.readouterr().err)
    assert told == [
        ("ERROR", "[ERROR] anomalies: high_fraud_rate failed on 2025-03-10", "62 % of the referrals are fraud"),
        ("WARNING", "[WARN] anomalies: high_fraud_rate failed on 2025-03-11", "62 % of the referrals are fraud"),
    ]


# -- what stays secret ---------------------------------------------------------------------------------------------


def test_no_address_of_a_person_and_no_secret_is_told(
    instance: dg.DagsterInstance, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    run(instance, asset(passed=False, text=f"lead {PERSON} and <{PERSON}>;{PERSON}"))
    run(instance, asset(error=dg.Failure(f"row of {PERSON} is bad")), day="2025-03-11")
    run(instance, asset(error=ValueError(f"{PERSON!r}")), day="2025-03-12")
    daemon = Daemon(instance, target.url)
    with caplog.at_level(logging.DEBUG):
        target.status = 500
        failure = daemon.fails()
        target.status = 200
        daemon.tick()
    assert len(target.got) == 3
    told = json.dumps(target.got)
    assert not EMAIL.search(told)
    assert "\\u2022" in told
    tags = "".join(str(found.tags) for found in instance.get_runs())
    assert ALERTED_TAG in tags
    for text in (told, failure, caplog.text, tags, daemon.cursor or ""):
        assert "s3cret" not in text
        assert "t0ken" not in text
        assert "127.0.0.1" not in text


def test_a_long_description_is_cut(instance: dg.DagsterInstance, target: Target) -> None:
    run(instance, asset(passed=False, text="x" * 5000))
    Daemon(instance, target.url).tick()
    assert 600 <= len(target.got[0]["message"]) < 1000
    assert "x…\n" in target.got[0]["message"]


def test_without_the_address_of_the_ui_there_are_no_links(instance: dg.DagsterInstance, target: Target) -> None:
    run(instance, asset(passed=False))
    run(instance, asset(error=dg.Failure("away")))
    Daemon(instance, target.url, ui_url="").tick()
    assert len(target.got) == 2
    assert not any("http" in alert["message"] for alert in target.got)


def test_the_parts_of_dagster_that_are_not_public_are_as_we_use_them(instance: dg.DagsterInstance) -> None:
    """alerts.py reads check histories by partition; jobs.py names the type of a job of assets."""
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
    from dagster._core.event_api import PartitionKeyFilter

    run(instance, asset(passed=False), day="2025-03-11")
    first = run(instance, asset(passed=False))
    second = run(instance, asset())
    history = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(dg.AssetKey("anomalies"), "high_fraud_rate"),
        limit=5,
        partition_filter=PartitionKeyFilter(key=DAY),
    )
    assert [record.run_id for record in history] == [second.run_id, first.run_id]
    assert isinstance(dg.define_asset_job("every"), UnresolvedAssetJobDefinition)
    found = instance.get_run_by_id(first.run_id)
    assert found is not None
    assert [alert.name for alert in alerts_of(instance, found)] == [f"anomalies:high_fraud_rate@{DAY}"]


# -- incidents ---------------------------------------------------------------------------------------------------------


def notice(event: str = "opened", kind: str = "high_fraud_rate", day: str = DAY, **more: str) -> dict[str, str]:
    """Return an alert as the asset `incidents` hands it over."""
    return {
        "day": day,
        "incident": f"fraud_rate:all:{kind}:{day}",
        "event": event,
        "kind": kind,
        "severity": "high",
        "title": "Referral fraud 62 %, limit 20 %, day 1",
        "message": "Referral fraud: 62 %, 20 % expected. Since 2025-03-10",
        "recommendation": "Review and strengthen anti-fraud validations",
        **more,
    }


def day_of_incidents(*notices: dict[str, str], contract: bool = True) -> dg.AssetsDefinition:
    """Return the assets of a day: raw leads that are not fresh, anomalies, and incidents that speak for both."""
    checks = {"raw_leads": ["fresh", "contract"], "anomalies": ["high_fraud_rate"], "incidents": ["none_open"]}

    @dg.multi_asset(
        name="day",
        specs=[dg.AssetSpec(name, partitions_def=DAYS) for name in checks],
        check_specs=[
            dg.AssetCheckSpec(check, asset=name, partitions_def=DAYS) for name, each in checks.items() for check in each
        ],
    )
    def compute() -> Iterator[Any]:
        for name, each in checks.items():
            for check in each:
                yield dg.AssetCheckResult(asset_key=name, check_name=check, passed=check == "contract" and contract)
            metadata = {"alerts": dg.MetadataValue.json(list(notices))} if name == "incidents" else {}
            yield dg.MaterializeResult(asset_key=name, metadata=metadata)

    return compute


def test_incidents_are_alerted_in_words_once_and_speak_for_their_checks(
    instance: dg.DagsterInstance, target: Target
) -> None:
    daemon = Daemon(instance, target.url)
    drop = notice(kind="drop", severity="medium", title="New leads 40 % below expected, day 1")
    for _ in range(2):  # the same day again brings nothing new
        run(instance, day_of_incidents(notice(), drop))
        daemon.tick()
    (message,) = target.got
    assert message["title"] == "Referral fraud 62 %, limit 20 %, day 1 (+1)"
    fraud, leads, ids = message["message"].split("\n\n")
    assert fraud.split("\n") == [
        "Referral fraud 62 %, limit 20 %, day 1",
        "Referral fraud: 62 %, 20 % expected. Since 2025-03-10",
        "Review and strengthen anti-fraud validations",
        "http://ui:3000/assets/incidents?view=partitions&partition=2025-03-10",
    ]
    assert leads.startswith("New leads 40 % below expected, day 1\n")
    assert ids.split("\n") == [
        "fraud_rate:all:high_fraud_rate:2025-03-10 (2025-03-10)",
        "fraud_rate:all:drop:2025-03-10 (2025-03-10)",
    ]
    run(instance, day_of_incidents(notice(), notice("worse")))
    daemon.tick()
    assert len(target.got) == 2


def test_tagged_targets_get_their_alerts_and_untagged_ones_all(
    instance: dg.DagsterInstance, target: Target, second: Target
) -> None:
    third = Target()
    run(instance, day_of_incidents(notice(), notice(kind="stale_data", title="No new data"), contract=False))
    assert Daemon(instance, f"growth={target.url} data={second.url} {third.url}").tick() == "6 alerts sent"
    third.close()
    assert target.titles == ["Referral fraud 62 %, limit 20 %, day 1"]
    assert second.titles == ["[ERROR] raw_leads: contract failed on 2025-03-10 (+1)"]
    assert "\n\nNo new data\n" in second.got[0]["message"]
    assert third.titles == ["Referral fraud 62 %, limit 20 %, day 1 (+2)"]


def test_what_no_target_takes_is_logged(
    instance: dg.DagsterInstance, target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    run(instance, day_of_incidents(notice(), notice(kind="stale_data", title="No new data")))
    assert Daemon(instance, f"growth={target.url}").tick() == "2 alerts sent"
    assert target.titles == ["Referral fraud 62 %, limit 20 %, day 1"]
    assert "alert: No new data\n" in capsys.readouterr().err


def test_quiet_days_hold_alerts_back_and_lose_none(instance: dg.DagsterInstance, target: Target) -> None:
    daemon = Daemon(instance, target.url)
    today = daemon.clock().date()
    daemon.policy = AlertPolicy(quiet_weekdays=[], quiet_dates=[today, today + dt.timedelta(days=1)])
    run(instance, day_of_incidents(notice()))
    for ahead in (0, 1):
        daemon.clock.ahead = dt.timedelta(days=ahead)
        assert daemon.tick() == "alerts are held back during quiet hours and days, and sent after them"
    daemon.clock.ahead = dt.timedelta(days=2)
    assert daemon.tick() == "1 alerts sent"
    assert len(target.got) == 1


@pytest.mark.parametrize(
    ("first", "until", "hour", "quiet"),
    [(20, 7, 23, True), (20, 7, 6, True), (20, 7, 7, False), (9, 17, 9, True), (9, 17, 17, False)],
)
def test_quiet_hours_may_last_over_midnight(first: int, until: int, hour: int, quiet: bool) -> None:
    policy = AlertPolicy(quiet_from_hour=first, quiet_until_hour=until, quiet_weekdays=[7], quiet_dates=[])
    assert policy.is_quiet(dt.datetime(2026, 3, 2, hour, tzinfo=UTC)) == quiet
    assert policy.is_quiet(dt.datetime(2026, 3, 1, hour, tzinfo=UTC))  # a Sunday

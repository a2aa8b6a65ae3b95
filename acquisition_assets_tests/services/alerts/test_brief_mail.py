"""Protects the brief by mail, with SMTP servers: sent once, corrected once, missed by nobody, made after a failure."""

from __future__ import annotations

import contextlib
import email
import email.policy
import logging
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from aiosmtpd.controller import Controller

from acquisition_assets.automation.briefs import SENT_TAG, brief_sensor
from acquisition_assets.automation.failed_runs import FAILED_RUN_TAG, failed_run_sensor
from acquisition_assets.automation.jobs import DAILY_JOB
from acquisition_assets.catalog import PRODUCTS
from acquisition_assets.channel_performance import asset as performance_asset
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.settings import Settings
from acquisition_assets.daily_brief.asset import DELIVERED_CHECK, page_path
from acquisition_assets.definitions import build_defs
from acquisition_assets.policy import read_policy
from acquisition_assets_tests.kit import world
from acquisition_assets_tests.kit.random_world import write
from acquisition_assets_tests.kit.running import QUIET
from acquisition_assets_tests.kit.servers import free_port
from acquisition_assets_tests.kit.world import MONDAY

pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")
SUBJECT = "Daily brief: Monday, April 1, 2024"
NEEDED = (
    *(table.table for product in PRODUCTS if product.name in ("raw", "features") for table in product.tables),
    *("channel_performance", "daily_brief"),
)
"""The steps of a day that this test is about: what is read, one output, and the brief."""
ALL = (True, "WARN", "2 targets took every brief")
BRIEF = dg.AssetKey("daily_brief")


class Mailbox:
    """An SMTP server on loopback that keeps the messages that it takes."""

    def __init__(self) -> None:
        self.port = free_port()
        self.got: list[EmailMessage] = []

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?from=brief@example.org&to=growth@example.org&cto=60"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.got.append(message)
        return "250 taken"

    @contextlib.contextmanager
    def up(self) -> Iterator[None]:
        """Listen."""
        controller = Controller(self, hostname="127.0.0.1", port=self.port, server_hostname="localhost")
        controller.start()
        yield
        controller.stop()


class Deployment:
    """A lake of the hand-made world, an instance, and the two sensors, with a cursor as the daemon keeps it."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance, urls: str) -> None:
        write(folder / "source", world.SOURCE)
        (folder / "policy.yaml").write_text("locale: en\n", encoding="utf-8")
        self.settings = Settings.from_environment(
            {},
            source=str(folder / "source"),
            lake=str(folder / "lake"),
            policy=str(folder / "policy.yaml"),
            timezone=world.ZONE,
            start_date="2024-01-01",
            threads=1,
            brief_urls=urls,
        )
        self.policy = read_policy(self.settings.policy_path)
        self.instance, self.lake = instance, Lake(self.settings.lake)
        self.cursor: str | None = None

    def run(self, *assets: str, tags: dict[str, str] | None = None) -> dg.ExecuteInProcessResult:
        """Run these assets of Monday."""
        job = build_defs(self.settings).resolve_job_def(DAILY_JOB)
        return job.execute_in_process(
            partition_key=str(MONDAY),
            instance=self.instance,
            run_config=QUIET,
            raise_on_error=False,
            tags=tags,
            asset_selection=[dg.AssetKey(name) for name in assets],
        )

    def requests(self) -> list[dg.RunRequest]:
        """Return what the sensor of failed runs requests without a cursor."""
        sensor = failed_run_sensor(self.lake, DAILY_JOB)
        with dg.build_sensor_context(instance=self.instance, sensor_name="brief_after_failure") as context:
            result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        return list(result.run_requests or ())

    def tick(self) -> list[tuple[bool, str, str]]:
        """Let the sensor send what is due; return the outcomes of the check that it reports."""
        sensor = brief_sensor(self.settings, self.lake, self.policy.brief.send_days, self.policy.locale)
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor, sensor_name="send_briefs") as context:
            result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        found = []
        for event in result.asset_events:
            assert isinstance(event, dg.AssetCheckEvaluation)
            self.instance.report_runless_asset_event(event)
            assert event.check_name == DELIVERED_CHECK
            found.append((event.passed, event.severity.value, event.description or ""))
        return found


def body_and_file(message: EmailMessage) -> tuple[str, str, bytes]:
    """Return the HTML of a message, and the name and bytes of the attached file."""
    html = message.get_body(("html",))
    assert html is not None
    (file,) = message.iter_attachments()
    assert isinstance(file, EmailMessage)
    assert file.get_content_type() == "text/html"
    content = file.get_payload(decode=True)
    assert isinstance(content, bytes)
    return html.get_content(), file.get_filename() or "", content


def test_a_failed_day_gets_its_brief_and_each_brief_is_mailed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    first, second = Mailbox(), Mailbox()
    with dg.DagsterInstance.ephemeral() as instance, first.up():
        deployment = Deployment(tmp_path, instance, f"{first.url} {second.url}")

        def fail(*_: object) -> None:
            raise OSError(28, "No space left on <device>")

        with monkeypatch.context() as broken:
            broken.setattr(performance_asset, "produce", fail)
            failed = deployment.run(*NEEDED)
            assert not failed.success
        assert not deployment.lake.has("daily_brief", MONDAY)
        assert deployment.tick() == []

        (request,) = deployment.requests()
        assert (request.run_key, request.partition_key) == (failed.run_id, str(MONDAY))
        assert request.asset_selection == [BRIEF]
        assert deployment.run(
            *(key.to_user_string() for key in request.asset_selection), tags=dict(request.tags)
        ).success
        assert [each.run_key for each in deployment.requests()] == [failed.run_id], "the daemon knows the key"
        page = deployment.lake.read_page(page_path(MONDAY))
        assert "channel_performance: No space left on &lt;device&gt;" in page

        down = deployment.tick()
        assert [outcome[:2] for outcome in down] == [(False, "WARN")]
        unreached = "brief target 2 (mailto://) did not take the brief: it cannot be reached"
        assert down[0][2].startswith(f"{MONDAY}: {unreached};"), "only the second target refused it"
        assert deployment.tick() == [], "the same outcome is reported once"
        (mail,) = first.got
        assert mail["Subject"] == SUBJECT
        html, name, content = body_and_file(mail)
        assert html.replace("\r\n", "\n").strip() == page.strip()
        assert (name, content.decode()) == (f"brief-{MONDAY}.html", page)

        with second.up():
            assert deployment.tick() == [ALL]
            deployment.cursor = None
            assert deployment.tick() == [], "a lost cursor sends nothing twice"
            assert deployment.run("daily_brief").success
            assert deployment.tick() == [], "the numbers are the same"
            assert (len(first.got), len(second.got)) == (1, 1)

            assert deployment.run("channel_performance", "daily_brief").success
            assert deployment.tick() == [ALL]
            assert deployment.tick() == []
        for mailbox in (first, second):
            assert [message["Subject"] for message in mailbox.got] == [SUBJECT, f"{SUBJECT} (corrected)"]
        assert body_and_file(second.got[1])[2].decode() == deployment.lake.read_page(page_path(MONDAY)) != page
        tags = [name for run in instance.get_runs() for name in run.tags if name.startswith(SENT_TAG)]
        assert len(tags) == 6
        assert "127.0.0.1" not in str(tags) + str(deployment.cursor) + down[0][2]
        assert FAILED_RUN_TAG in {name for run in instance.get_runs() for name in run.tags}

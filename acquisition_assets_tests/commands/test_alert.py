"""Protects `acquisition alert --test`, and that `validate` finds alert URLs that apprise does not know."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from acquisition_assets_tests.commands.conftest import call, refused
from acquisition_assets_tests.kit.servers import free_port


class Listener(BaseHTTPRequestHandler):
    """Takes everything at /good, and nothing elsewhere."""

    taken: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        good = self.path.startswith("/good")
        if good:
            self.taken.append(body)
        self.send_response(200 if good else 403)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A target of alerts: its port, and what it took."""
    Listener.taken = []
    server = HTTPServer(("127.0.0.1", 0), Listener)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port, Listener.taken
    server.shutdown()
    server.server_close()
    thread.join()


def test_each_target_gets_a_test_and_the_outcome_is_printed(
    monkeypatch: pytest.MonkeyPatch, listener: tuple[int, list[bytes]]
) -> None:
    port, taken = listener
    urls = f"json://127.0.0.1:{port}/good json://127.0.0.1:{port}/s3cret json://127.0.0.1:{free_port()}/s3cret"
    monkeypatch.setenv("ACQUISITION_ALERT_URLS", urls)
    result = call("alert", "--test")
    assert result.exit_code == 1
    assert result.stdout == "alert target 1 (json://) took the test\n"
    assert result.stderr.splitlines() == [
        "error: alert target 2 (json://) did not take the alert: it answered with HTTP status 403",
        "error: alert target 3 (json://) did not take the alert: it cannot be reached",
    ]
    assert len(taken) == 1
    assert b"acquisition alert --test" in taken[0]


def test_all_well(monkeypatch: pytest.MonkeyPatch, listener: tuple[int, list[bytes]]) -> None:
    monkeypatch.setenv("ACQUISITION_ALERT_URLS", f"json://127.0.0.1:{listener[0]}/good")
    assert call("alert", "--test").exit_code == 0


def test_without_a_target_and_without_the_option() -> None:
    assert refused("alert", "--test") == "there is no target of alerts; name apprise URLs in ACQUISITION_ALERT_URLS"
    assert refused("alert") == "nothing to do; send a test to each target with: acquisition alert --test"


@pytest.mark.parametrize(
    ("what", "command"), [("alert", ("validate",)), ("alert", ("alert", "--test")), ("brief", ("validate",))]
)
def test_a_url_that_apprise_does_not_know(
    monkeypatch: pytest.MonkeyPatch, source: Path, what: str, command: tuple[str, ...]
) -> None:
    setting = f"ACQUISITION_{what.upper()}_URLS"
    monkeypatch.setenv(setting, "slak://s3cret@x")
    monkeypatch.setenv("ACQUISITION_SOURCE", str(source))
    said = refused(*command)
    assert said.startswith(f"{what} target 1 (slak://) is not a URL that apprise knows; repair {setting}")
    assert "s3cret" not in said


def test_validate_sends_nothing(
    monkeypatch: pytest.MonkeyPatch, source: Path, listener: tuple[int, list[bytes]]
) -> None:
    for what in ("ALERT", "BRIEF"):
        monkeypatch.setenv(f"ACQUISITION_{what}_URLS", f"json://127.0.0.1:{listener[0]}/good")
    result = call("validate", "--source", source)
    assert result.exit_code == 0, result.output
    assert "alerts  1 targets are known; send a test with: acquisition alert --test" in result.stdout
    assert "briefs  1 targets are known; the sensor send_briefs sends them each day's brief" in result.stdout
    assert listener[1] == []

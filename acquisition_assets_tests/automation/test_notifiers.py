"""Protects alert targets: their names and error messages are clear and contain no secrets."""

from __future__ import annotations

import logging

import pytest

from acquisition_assets.automation.notifiers import AlertError, AppriseNotifier, LogNotifier, _reason, make_notifiers
from acquisition_assets.core.errors import InputError
from acquisition_assets.core.settings import Settings
from acquisition_assets_tests.kit.servers import free_port

LOG = logging.getLogger("alerts-test")


def refusal(url: str) -> str:
    """Why a target does not take an alert."""
    target = AppriseNotifier(url, 3)
    with pytest.raises(AlertError) as refused:
        target.send("title", "body")
    assert refused.value.__cause__ is None
    assert "s3cret" not in str(refused.value)
    return str(refused.value)


def test_targets_are_separated_by_blanks_and_the_same_twice_is_once() -> None:
    found = make_notifiers(" json://a/x\n json://b  json://a/x ", LOG)
    assert [target.label for target in found] == ["alert target 1 (json://)", "alert target 2 (json://)"]
    assert len({target.key for target in found}) == 2


@pytest.mark.parametrize("urls", ["", "  \n"])
def test_without_targets_there_is_the_log(urls: str) -> None:
    (only,) = make_notifiers(urls, LOG)
    assert isinstance(only, LogNotifier)
    assert (only.key, only.label) == ("log", "the log")


def test_the_log_gets_errors_and_warnings(caplog: pytest.LogCaptureFixture) -> None:
    LogNotifier(LOG).send("title 100 %s", "body")
    LogNotifier(LOG).send("title", "body", urgent=False)
    assert [(r.levelname, r.getMessage()) for r in caplog.records if r.name == LOG.name] == [
        ("ERROR", "alert: title 100 %s\nbody"),
        ("WARNING", "alert: title\nbody"),
    ]


def test_names_of_a_target_stay_the_same_and_hold_no_secret() -> None:
    url = "slack://s3cret-token@workspace"
    one, other = AppriseNotifier(url, 1), AppriseNotifier(url, 2)
    assert one.key == other.key
    assert one.key.startswith("slack-")
    assert repr(one) == "<alert target 1 (slack://)>"
    assert "s3cret" not in one.key + one.label + repr(one)


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("s3cret", "no-scheme"),
        ("nowhere://s3cret@host", "nowhere"),
        ("mailto://s3cret", "mailto"),
        ("://s3cret", "no-scheme"),
    ],
)
def test_what_is_no_url_of_apprise_is_told_with_what_to_do(url: str, scheme: str) -> None:
    assert refusal(url) == (
        f"alert target 3 ({scheme}://) is not a URL that apprise knows; repair ACQUISITION_ALERT_URLS "
        "(try the URL with: apprise -b test URL)"
    )


def test_a_server_that_is_away_cannot_be_reached() -> None:
    url = f"json://user:s3cret@127.0.0.1:{free_port()}/s3cret"
    assert refusal(url) == "alert target 3 (json://) did not take the alert: it cannot be reached"


def test_a_name_that_nobody_knows_cannot_be_reached() -> None:
    assert (
        refusal("rsyslog://s3cret.invalid")
        == "alert target 3 (rsyslog://) did not take the alert: it cannot be reached"
    )


@pytest.mark.parametrize("said", [[], ["Sent to token s3cret: rejected"]])
def test_a_failure_that_is_not_known_is_told_with_what_to_do(said: list[str]) -> None:
    assert _reason(said) == "apprise reports a failure (try the URL with: apprise -v -b test URL)"


def test_nothing_that_a_library_says_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        refusal(f"json://user:s3cret@127.0.0.1:{free_port()}/s3cret")
    # Spark's client may log at any time in a process in which other tests used it.
    assert [r.name for r in caplog.records if not r.name.startswith("py4j.")] == []
    assert "s3cret" not in caplog.text
    logging.getLogger("apprise").warning("later")
    assert "later" in caplog.text


def test_tags_say_which_alerts_a_target_takes() -> None:
    found = make_notifiers("growth=json://a/x data=json://b?x=1 json://c data=json://a/x", LOG)
    assert [(target.label, *target.audiences) for target in found] == [
        ("alert target 1 (json://)", "growth", "data"),
        ("alert target 2 (data=json://)", "data"),
        ("alert target 3 (json://)", "growth", "data"),
    ]
    tagged, log = make_notifiers("growth=json://a/x", LOG)
    assert (tagged.label, *tagged.audiences) == ("alert target 1 (growth=json://)", "growth")
    assert (log.label, *log.audiences) == ("the log", "data")


def test_another_tag_is_refused_without_repeating_the_url() -> None:
    with pytest.raises(InputError) as refused:
        Settings.from_environment({"ACQUISITION_ALERT_URLS": "marketing=slack://s3cret"})
    assert str(refused.value) == "ACQUISITION_ALERT_URLS: has the tag marketing=; tags are growth= and data="
    with pytest.raises(InputError) as refused:
        Settings.from_environment({"ACQUISITION_BRIEF_URLS": "growth=mailto://s3cret"})
    assert str(refused.value) == (
        "ACQUISITION_BRIEF_URLS: has the tag growth=; a brief goes to every target, so leave the tag out"
    )

"""Delivers alerts and briefs to apprise targets; alerts go to the log where there are none. URLs are never shown.

Does not decide what an alert says (see `alerts`), nor when it is sent (see `sensors`, and `briefs` for briefs).
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

from acquisition_assets.core.errors import AcquisitionError, InputError
from acquisition_assets.core.settings import AUDIENCES, TAG

SCHEME = re.compile(r"([A-Za-z0-9]{1,20})://")
LOGGERS = ("apprise", "urllib3.connectionpool")
HTTP_STATUS = re.compile(r"\berror=(\d{3})\b")


class AlertError(AcquisitionError):
    """An alert or a brief that a target did not take. It stays pending, and is sent again."""

    retryable = True


class Notifier(Protocol):
    """One target of alerts.

    key: a stable short name, by which is remembered what the target was sent; label: its name for people. Neither holds
    a secret. audiences: whose alerts it takes.
    """

    @property
    def key(self) -> str:
        """The stable short name."""

    @property
    def label(self) -> str:
        """The name for people."""

    @property
    def audiences(self) -> Collection[str]:
        """Whose alerts it takes."""

    def send(self, title: str, body: str, *, urgent: bool = True) -> None:
        """Deliver one alert.

        Raises:
            AlertError: the target did not take it.
        """


class LogNotifier:
    """The log, for those who have no targets."""

    key = "log"
    label = "the log"

    def __init__(self, logger: logging.Logger, audiences: Collection[str] = AUDIENCES) -> None:
        self.logger = logger
        self.audiences = tuple(audiences)

    def send(self, title: str, body: str, *, urgent: bool = True) -> None:
        """Write the alert as one entry."""
        self.logger.log(logging.ERROR if urgent else logging.WARNING, "alert: %s\n%s", title, body)


class AppriseNotifier:
    """One apprise URL. Names show its position and scheme only: what follows `://` may be a token, the host too."""

    def __init__(
        self, url: str, position: int, audiences: Collection[str] = AUDIENCES, what: Literal["alert", "brief"] = "alert"
    ) -> None:
        self._url = url
        self._what = what
        self.audiences = tuple(audiences)
        scheme = SCHEME.match(url)
        self.scheme = scheme.group(1).lower() if scheme else "no-scheme"
        self.key = f"{self.scheme}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"
        tag = "" if len(self.audiences) == len(AUDIENCES) else f"{self.audiences[0]}="
        self.label = f"{what} target {position} ({tag}{self.scheme}://)"

    def __repr__(self) -> str:
        return f"<{self.label}>"

    def check(self) -> None:
        """Prove that apprise knows this kind of URL, without sending anything.

        Raises:
            InputError: it does not, or something is missing in the URL.
        """
        import apprise

        with _captured():
            try:
                known = apprise.Apprise().add(self._url)
            except Exception:  # a plugin's defect must not show the URL
                known = False
        if not known:
            raise InputError(self._unknown)

    @property
    def _unknown(self) -> str:
        return (
            f"{self.label} is not a URL that apprise knows; repair ACQUISITION_{self._what.upper()}_URLS "
            "(try the URL with: apprise -b test URL)"
        )

    def send(self, title: str, body: str, *, urgent: bool = True) -> None:
        """Send the alert through apprise, which is imported when it is first needed."""
        import apprise

        kind = apprise.NotifyType.FAILURE if urgent else apprise.NotifyType.WARNING
        self._notify(body=body, title=title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT)

    def send_page(self, title: str, page: str, file: Path) -> None:
        """Send a page as the HTML of the body, with the file attached where the target takes files.

        A target that takes no HTML gets the text of the page, cut where it is longer than the target allows.

        Raises:
            AlertError: The target did not take it.
        """
        import apprise

        kind, html = apprise.NotifyType.INFO, apprise.NotifyFormat.HTML
        self._notify(body=page, title=title, notify_type=kind, body_format=html, attach=str(file))

    def _notify(self, **message: Any) -> None:
        import apprise

        with _captured() as said:
            sender = apprise.Apprise()
            if not sender.add(self._url):
                raise AlertError(self._unknown)
            if message["body_format"] == apprise.NotifyFormat.HTML:
                for plugin in sender:
                    _cut_text(plugin)
            try:
                taken = bool(sender.notify(**message))
            except Exception as error:  # a plugin's defect must not show the URL in its traceback
                raise AlertError(f"{self.label} did not take the {self._what}: {type(error).__name__}") from None
        if not taken:
            raise AlertError(f"{self.label} did not take the {self._what}: {_reason(said)}")


def make_notifiers(urls: str, logger: logging.Logger) -> list[Notifier]:
    """Return the targets of ACQUISITION_ALERT_URLS, and the log for an audience that none of them takes.

    Args:
        urls: apprise URLs, separated by blanks, each with a tag `growth=` or `data=` before it, or without one for all
            alerts. The same URL twice is one target, for the alerts of both.
    """
    wanted: dict[str, set[str]] = {}
    for target in urls.split():
        tag = TAG.match(target)
        url = target[tag.end() :] if tag else target
        wanted.setdefault(url, set()).update({tag[1]} if tag else AUDIENCES)
    found: list[Notifier] = [
        AppriseNotifier(url, position, [name for name in AUDIENCES if name in audiences])
        for position, (url, audiences) in enumerate(wanted.items(), start=1)
    ]
    taken = {audience for target in found for audience in target.audiences}
    rest = [name for name in AUDIENCES if name not in taken]
    return [*found, LogNotifier(logger, rest)] if rest else found


def brief_targets(urls: str) -> list[AppriseNotifier]:
    """Return the targets of ACQUISITION_BRIEF_URLS: apprise URLs, separated by blanks; the same twice is one."""
    return [AppriseNotifier(url, position, what="brief") for position, url in enumerate(dict.fromkeys(urls.split()), 1)]


def _cut_text(plugin: Any) -> None:
    """Let a plugin that takes no HTML cut what is too long, unless its URL says otherwise."""
    import apprise

    formats = plugin.notify_format if isinstance(plugin.notify_format, tuple) else (plugin.notify_format,)
    if apprise.NotifyFormat.HTML not in formats and plugin.overflow_mode == apprise.OverflowMode.UPSTREAM:
        plugin.overflow_mode = apprise.OverflowMode.TRUNCATE


@contextlib.contextmanager
def _captured() -> Iterator[list[str]]:
    """What apprise and its HTTP library log while it sends, kept from every log: it may name tokens."""
    said: list[str] = []
    loggers = [logging.getLogger(name) for name in LOGGERS]

    def keep(record: logging.LogRecord) -> bool:
        said.append(record.getMessage())
        return False

    for logger in loggers:
        logger.addFilter(keep)
    try:
        yield said
    finally:
        for logger in loggers:
            logger.removeFilter(keep)


def _reason(said: list[str]) -> str:
    """Return why a target refused, without repeating the words of apprise."""
    text = "\n".join(said)
    status = HTTP_STATUS.search(text)
    if status:
        return f"it answered with HTTP status {status.group(1)}"
    if "onnection error" in text:
        return "it cannot be reached"
    return "apprise reports a failure (try the URL with: apprise -v -b test URL)"

"""Implements `acquisition alert --test`: sends a test to each target of alerts and prints what came of it.

Does not reach the targets itself (see `automation.notifiers`).
"""

from __future__ import annotations

import logging

from rich.console import Console

from acquisition_assets.automation.notifiers import AlertError, AppriseNotifier, make_notifiers
from acquisition_assets.commands.console import console, fail, line
from acquisition_assets.commands.deployment import read_settings
from acquisition_assets.core.errors import ExitCode, InputError

TITLE = "[TEST] acquisition: a test alert"
BODY = "Sent by: acquisition alert --test\nNothing is wrong. Alerts of failed checks and failed runs come here."


def alert_command() -> int:
    """Send a test to each target and return the exit code.

    Raises:
        InputError: there is no target.
    """
    settings = read_settings()
    targets = [
        target
        for target in make_notifiers(settings.alert_urls, logging.getLogger(__name__))
        if isinstance(target, AppriseNotifier)
    ]
    if not targets:
        raise InputError("there is no target of alerts; name apprise URLs in ACQUISITION_ALERT_URLS")
    out = console()
    return max(_test(target, out) for target in targets)


def _test(target: AppriseNotifier, out: Console) -> int:
    try:
        target.check()
        target.send(TITLE, BODY, urgent=False)
    except (AlertError, InputError) as error:
        fail(str(error))
        return error.exit_code
    line(out, f"{target.label} took the test")
    return ExitCode.DONE.value

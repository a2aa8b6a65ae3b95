"""Implements `acquisition ui`: Dagster's folder, some days of the sample for a first look, and `dagster dev`.

Does not make the graph (see `definitions`), nor run a day (see `day`).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import os
import signal
import socket
import sys
from pathlib import Path

from rich.console import Console

from acquisition_assets.commands.console import console, fail, line, warn
from acquisition_assets.commands.deployment import environment_of, read_settings
from acquisition_assets.commands.run import Deployment, materialise, prepare
from acquisition_assets.core.days import days_between
from acquisition_assets.core.errors import ExitCode, InputError
from acquisition_assets.core.settings import Settings
from acquisition_assets.sources.choose import first_day, last_day
from acquisition_assets.sources.sample import world

DEFAULT_HOME = ".dagster_home"
DAGSTER_YAML = """\
# Made by `acquisition ui`; change it as you like, it is not written again.
telemetry:
  enabled: false
python_logs:
  python_log_level: INFO
concurrency:
  runs:
    max_concurrent_runs: 4
    tag_concurrency_limits:            # days of the graph run one after the other, as scores build on earlier ones
      - key: acquisition/chain
        value: daily
        limit: 1
run_monitoring:                        # a run whose process died is noticed, marked as failed, and alerted
  enabled: true
  poll_interval_seconds: 30
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days: {skipped: 7, failure: 30, success: 90}
"""


def ui_command(host: str, port: int, days: int, home: str | None, **options: str | None) -> int:
    """Prepare the UI and become it; the exit code, should it not come to that.

    Raises:
        InputError: the port is taken, Dagster's folder cannot be made, or settings, policy, source or lake are wrong.
    """
    settings = read_settings(**options)
    require_free(host, port)
    if not is_loopback(host):
        warn(
            f"the UI on {host} has no login: whoever reaches this port sees the data and can start runs; use "
            "--host 127.0.0.1, or let a proxy with a login stand before it"
        )
    deployment = prepare(settings)
    out = console()
    url = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"
    set_environment(settings, make_home(home), url)
    try:
        if not show_sample(deployment, days, out):
            return 1
    except KeyboardInterrupt:
        fail("interrupted")
        return ExitCode.INTERRUPTED
    line(out, f"Dagster UI: {url}/asset-groups (ready in some seconds; Ctrl-C stops it)", "bold")
    become_dagster(host, port)
    return 0


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only; an unknown name is taken as one that others reach."""
    try:
        found = {str(address[4][0]) for address in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    return all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in found)


def require_free(host: str, port: int) -> None:
    """Refuse a port that another program listens on.

    Raises:
        InputError: it is taken, or the host is not one of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no name of a host"
        raise InputError(f"cannot listen on {host}:{port} ({reason}); choose others with --host and --port") from error


def make_home(home: str | None) -> Path:
    """Dagster's folder, with a dagster.yaml.

    Raises:
        InputError: it cannot be made.
    """
    folder = Path(home or os.environ.get("DAGSTER_HOME") or DEFAULT_HOME).expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "dagster.yaml").exists():
            (folder / "dagster.yaml").write_text(DAGSTER_YAML, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"Dagster's folder {folder} cannot be made ({error.strerror}); choose another with --home"
        ) from error
    return folder


def set_environment(settings: Settings, home: Path, url: str) -> None:
    """Give the settings to this process' Dagster and to the one that follows."""
    os.environ.update(environment_of(settings))
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ.setdefault("ACQUISITION_UI_URL", url)
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file():  # not installed: the code server must find it
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(checkout), os.environ.get("PYTHONPATH"))))


def show_sample(deployment: Deployment, days: int, out: Console) -> bool:
    """Materialise the sample's last days where Dagster knows of none; return whether all went well.

    Does nothing for another source.
    """
    wanted = sample_days(deployment, days)
    if not wanted:
        return True
    line(out, f"the UI gets the last {len(wanted)} days of the sample to show", "bold")
    outcomes = materialise(deployment, wanted, out)
    for failure in outcomes[-1].failures:
        fail(f"{outcomes[-1].day}: {failure.step}: {failure.reason}")
    return not outcomes[-1].exit_code


def sample_days(deployment: Deployment, days: int) -> list[dt.date]:
    """The sample's last days, unless Dagster has some already, or the source or the lake is not the sample's."""
    from acquisition_assets.commands.day import has_materialised

    first, last = first_day(deployment.settings), last_day(deployment.settings)
    if first is None or last is None or days == 0:
        return []
    if has_materialised("dynamic_scores") or not _is_sample(deployment):
        return []
    return days_between(max(first, last - dt.timedelta(days=days - 1)), last)


def _is_sample(deployment: Deployment) -> bool:
    """Whether the lake holds nothing, or nothing but leads of the sample."""
    known = deployment.lake.days("raw_leads")
    if not known:
        return True
    found = deployment.lake.read("raw_leads", known[-1], ["lead_id"]).column("lead_id").to_pylist()
    return set(found) <= set(world()["leads"].column("lead_id").to_pylist())


def become_dagster(host: str, port: int) -> None:
    """Replace this process by `dagster dev`, which Ctrl-C and TERM stop, even where a shell had SIGINT ignored."""
    command = [sys.executable, "-m", "dagster", "dev", "-m", "acquisition_assets.definitions"]
    command += ["--host", host, "--port", str(port)]
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.execve(command[0], command, dict(os.environ))

"""Provides a small world of files for the command line, a way to call it, and a lake that it has filled.

What several folders need is left to kit/.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from acquisition_assets.cli import app

LEADS = """\
lead_id,email,source,interest_area,status,engagement_score,created_at
ana,ana.lopez@example.com,linkedin,marketing,nurturing,9.5,2025-01-01T10:00:00Z
bea,bea@example.org,organic,sales,converted,4,2025-02-01T10:00:00Z
caro,caro@example.net,facebook,,nurturing,1,2025-01-10T10:00:00Z
dani,,organic,,new,0,2025-03-09T10:00:00Z
"""
EVENTS = """\
event_id,lead_id,delivery_id,event_type,content_id,content_type,occurred_at
1,ana,a1,sent,c1,blog,2025-03-05T09:00:00Z
2,ana,a1,opened,c1,blog,2025-03-05T10:00:00Z
3,ana,a1,completed,c1,blog,2025-03-05T10:05:00Z
4,ana,a2,sent,c2,guide,2025-03-08T09:00:00Z
5,ana,a2,opened,c2,guide,2025-03-08T09:30:00Z
6,caro,k1,sent,c1,blog,2025-01-20T09:00:00Z
7,caro,k1,opened,c1,blog,2025-01-21T12:00:00Z
8,ana,a3,sent,c3,blog,2025-03-10T09:00:00Z
9,ana,a3,completed,c3,blog,2025-03-10T11:00:00Z
"""
REFERRALS = """\
referral_id,referrer_lead_id,referred_email,status,created_at,validated_at
r1,ana,friend@example.com,validated,2025-03-01T10:00:00Z,2025-03-02T10:00:00Z
r2,ana,other@example.com,pending,2025-03-02T10:00:00Z,
"""
EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w+")
DAYS = ("2025-03-08", "2025-03-09", "2025-03-10")


def write_world(folder: Path) -> Path:
    """The small world as a source."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"leads": LEADS, "events": EVENTS, "referrals": REFERRALS}.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing of this machine's settings, an empty working folder, and all as it was afterwards."""
    saved, folder = dict(os.environ), Path.cwd()
    for name in list(os.environ):
        if name.startswith(("ACQUISITION_", "DAGSTER_")):
            del os.environ[name]
    os.chdir(tmp_path_factory.mktemp("work"))
    yield
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(saved)


def call(*arguments: object) -> Any:
    """Call the command line in this process; no output may ever hold an e-mail address."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert not EMAIL.search(result.output)
    return result


def refused(*arguments: object, code: int | None = 2) -> str:
    """The one line with which a call is refused; a code of None is any but 0."""
    result = call(*arguments)
    assert result.exit_code == code or (code is None and result.exit_code), result.output
    lines = [line for line in result.stderr.splitlines() if not line.startswith("warning: ")]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    assert "Traceback" not in result.output
    return lines[0].removeprefix("error: ")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The small world."""
    return write_world(tmp_path / "source")


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A lake with three days of the small world, and what the run printed."""
    folder = tmp_path_factory.mktemp("filled")
    source = write_world(folder / "source")
    policy = folder / "policy.yaml"
    policy.write_text("locale: en\ncontent: {shipped: always}", encoding="utf-8")
    options = ("--source", source, "--lake", folder / "lake", "--policy", policy)
    result = call("run", "--from", DAYS[0], "--to", DAYS[-1], *options)
    assert result.exit_code == 0, result.output
    return folder / "lake", result.output


@pytest.fixture
def english(tmp_path: Path, environment: None) -> None:
    """English as the language of what people read, for tests that read it; a policy of a test's own must say so too."""
    policy = tmp_path / "english.yaml"
    policy.write_text("locale: en", encoding="utf-8")
    os.environ["ACQUISITION_POLICY"] = str(policy)


@pytest.fixture
def lake(filled: tuple[Path, str]) -> Path:
    """The filled lake, to be read."""
    return filled[0]

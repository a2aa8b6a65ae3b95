"""Protects the policy: every number and text is used, so changing it changes what is published.

How policy files are read is tested in core/test_policy_files.py.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from acquisition_assets.catalog import PRODUCTS, REPORTS
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.policy import merge
from acquisition_assets.core.settings import Settings
from acquisition_assets.core.sql_files import sql_folder
from acquisition_assets.definitions import build_defs
from acquisition_assets.policy import Policy, read_policy
from acquisition_assets_tests.kit.expectations import collected
from acquisition_assets_tests.kit.running import snapshot

DAY, EARLIER_DAY = "2026-09-30", "2026-09-27"
CHANGES = {
    (section, key): (product, value)
    for product, known in collected().items()
    for section, values in known.changes.items()
    for key, value in values.items()
}
"""Section and key -> the product that reads it, and a value that must change what it publishes for the sample."""
CHANGED = sorted({product for product, _ in CHANGES.values()})
LISTS = {key: (product, *place) for product, known in collected().items() for key, place in known.lists.items()}
"""Key of the reports' section -> the product, the task and the list that is cut."""
OTHER_SECTIONS = {"reports", "locale", "alerts"}
"""Sections that belong to no product; that of alerts is tested in automation/."""
TABLES = {product.name: {table.table: table for table in product.tables} for product in PRODUCTS}
SOURCE = {
    "leads.csv": "lead_id,status,created_at\n" + "".join(f"l{n},hot,2026-01-01\n" for n in range(20)),
    "events.csv": "lead_id,event_type,occurred_at\n" + "".join(f"l{n},sent,2026-01-05\n" for n in range(20)),
}


def changed(section: str, key: str, value: Any) -> Policy:
    """Return the shipped policy with one value replaced, or merged if it is a mapping."""
    override = {section: {key: value}} if section else {key: value}
    return Policy.model_validate(merge(read_policy().model_dump(), override))


def run(lake: Path, policy: Policy, product: str | None = None, day: str = DAY, source: str = "sample") -> None:
    """Run the steps of one product, or all of them, for a day."""
    settings = Settings(source=source, lake=str(lake), start_date="2025-06-01", threads=2)
    made = set()
    for assets in build_defs(settings, policy=policy).assets or ():
        assert isinstance(assets, dg.AssetsDefinition)
        tables = {spec.key.to_user_string() for spec in assets.specs}
        if product is None or tables <= TABLES[product].keys():
            made |= tables
            context = SimpleNamespace(partition_key=day, retry_number=0)
            list(assets.op.compute_fn.decorated_fn(context))  # type: ignore[union-attr]
    assert product is None or made == TABLES[product].keys()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the sample's last day, and one three days earlier."""
    lake = tmp_path_factory.mktemp("sample") / "lake"
    for day in (EARLIER_DAY, DAY):
        run(lake, read_policy(), day=day)
    return lake


def published(lake: Path, product: str) -> dict[str, Any]:
    """Return what a product published for the last day, sorted."""
    found: dict[str, Any] = {}
    for name, contract in TABLES[product].items():
        table = Lake(str(lake)).read(name, dt.date.fromisoformat(DAY))
        found[name] = table.sort_by([(column, "ascending") for column in contract.key]).to_pandas().to_csv()
    for report in REPORTS:
        if report.table.table in found:
            file = lake / "reports" / f"date={DAY}" / f"{report.task}.json"
            found[f"report {report.task}"] = file.read_text(encoding="utf-8")
    return found


@pytest.fixture
def lake(base: Path) -> Iterator[Path]:
    """Return the sample's lake; what a test publishes there for the last day is reverted."""
    kept = base.parent / "kept"
    days = [path.relative_to(base) for path in base.glob(f"*/date={DAY}") if "raw_" not in path.parent.name]
    for each in days:
        shutil.copytree(base / each, kept / each)
    yield base
    for each in days:
        shutil.rmtree(base / each)
        shutil.move(kept / each, base / each)


@pytest.mark.parametrize(("section", "key"), [pytest.param(*place, id=".".join(place)) for place in CHANGES])
def test_every_value_changes_what_its_product_publishes(lake: Path, section: str, key: str) -> None:
    product, value = CHANGES[section, key]
    before = published(lake, product)
    run(lake, changed(section, key, value), product)
    assert published(lake, product) != before


@pytest.mark.parametrize("product", CHANGED)
def test_the_same_policy_publishes_the_same(lake: Path, product: str) -> None:
    before = published(lake, product)
    run(lake, read_policy(), product)
    assert published(lake, product) == before


@pytest.mark.parametrize("key", LISTS)
def test_lists_of_reports_are_cut(lake: Path, key: str) -> None:
    product, task, name = LISTS[key]
    run(lake, changed("reports", key, 3), product)
    report = json.loads((lake / "reports" / f"date={DAY}" / f"{task}.json").read_text(encoding="utf-8"))
    assert len(report[name]) == 3


def test_samples_of_segments_are_cut(lake: Path) -> None:
    run(lake, changed("reports", "sample_leads", 3), "lead_segments")
    path = lake / "reports" / f"date={DAY}" / "advanced_segmentation_engine.json"
    segments = json.loads(path.read_text(encoding="utf-8"))["segments"]
    assert {len(segment["sample_leads"]) for segment in segments.values()} == {3}


def test_the_locale_changes_the_texts(lake: Path) -> None:
    run(lake, changed("", "locale", "en"), "anomalies")
    report = (lake / "reports" / f"date={DAY}" / "anomaly_detection.json").read_text(encoding="utf-8")
    assert "engagement rate" in report
    assert "Caída" not in report


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return twenty good leads with an event each, for tests that add bad rows."""
    for name, text in SOURCE.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_words_of_the_vocabulary(files: Path, tmp_path: Path) -> None:
    run(tmp_path / "lake", read_policy(), "raw", "2026-01-10", str(files))
    assert len(snapshot(tmp_path / "lake", "2026-01-10")["raw_leads/date=2026-01-10"]) == 20
    with pytest.raises(dg.Failure, match="20 of 20 rows are bad"):
        run(tmp_path / "lake", changed("vocabulary", "status", {"hot": None}), "raw", "2026-01-10", str(files))


@pytest.mark.parametrize(
    ("key", "value", "stops"),
    [
        ("quarantine_error_percent", 5.0, True),
        ("quarantine_error_percent", 60.0, False),
        ("quarantine_error_rows", 13, False),
    ],
)
def test_limits_of_the_quarantine(files: Path, tmp_path: Path, key: str, value: float, stops: bool) -> None:
    bad = "".join(f"b{n},no such word,2026-01-01\n" for n in range(12))
    (files / "leads.csv").write_text(SOURCE["leads.csv"] + bad, encoding="utf-8")
    policy = changed("ingestion", key, value)
    if stops:
        with pytest.raises(dg.Failure, match="12 of 32 rows are bad"):
            run(tmp_path / "lake", policy, "raw", "2026-01-10", str(files))
    else:
        run(tmp_path / "lake", policy, "raw", "2026-01-10", str(files))


@pytest.mark.parametrize("late_days", [0, 3, 5])
def test_a_late_event_is_read_however_few_days_are_read_in_any_case(
    files: Path, tmp_path: Path, late_days: int
) -> None:
    """A file's day is read again where the source has more of it, also before the late days."""
    policy = changed("ingestion", "late_arrival_days", late_days)
    run(tmp_path / "lake", policy, "raw", "2026-01-09", str(files))
    (files / "events.csv").write_text(SOURCE["events.csv"] + "l1,opened,2026-01-05T12:00:00Z\n", encoding="utf-8")
    run(tmp_path / "lake", policy, "raw", "2026-01-10", str(files))
    events = snapshot(tmp_path / "lake")["raw_events/date=2026-01-05"]
    assert any("opened" in event for event in events)


def test_no_value_is_left_out() -> None:
    """Each section belongs to one product, whose expectations name every key of it once."""
    policy = read_policy().model_dump()
    assert set(policy["reports"]) == {*LISTS, "sample_leads"}
    for product, known in collected().items():
        for section in dict.fromkeys([*known.changes, *known.elsewhere]):
            named = [*known.changes.get(section, ()), *known.elsewhere.get(section, ())]
            assert sorted(named) == sorted(policy.pop(section)), f"{section} in the expectations of {product}"
    assert set(policy) == OTHER_SECTIONS


def test_sql_contains_no_rule_numbers() -> None:
    """SQL may contain 0, 1, -1, rounding digits, units of time and percent; bars and bits are listed."""
    units = {"0", "1", "2", "18", "6", "8", "100", "0.0", "1.0", "86400000000.0", "3600000000.0", "1e9"}
    own = {file: numbers for known in collected().values() for file, numbers in known.sql_numbers.items()}
    files = [path for path in sorted(sql_folder().glob("*/*.sql")) if path.parent.name != "postgres"]
    assert len(files) > len(own)
    for path in files:
        name = path.relative_to(sql_folder()).as_posix()
        text = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
        text = re.sub(r"'[^']*'", "''", text)
        text = re.sub(r"\b(?:group|order) by [\d, ]+", "", text)
        numbers = set(re.findall(r"(?<![\w.$])\d+(?:\.\d+)?(?:e\d+)?\b", text))
        assert numbers <= units | own.get(name, set()), name

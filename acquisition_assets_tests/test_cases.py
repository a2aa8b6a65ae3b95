"""Protects what comes out of input as other tools export it: each folder of data/cases, as its README says.

Whole runs of the graph; single cells, rows and files are left to the tests of raw and sources.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from acquisition_assets.raw import asset as raw_asset
from acquisition_assets.sources.files import FileSource
from acquisition_assets_tests.kit.running import Run, by_lead, compute_day, partition, rows

CASES = Path(__file__).parent / "data" / "cases"
DAY = "2025-09-28"
UTC = dt.timezone.utc


def case(name: str, folder: Path, day: str = DAY, **options: Any) -> Run:
    """Run the graph over a folder of cases; it must succeed."""
    run = compute_day(CASES / name, folder, day, **options)
    assert run.success, run.errors
    return run


def copied(name: str, folder: Path, **files: str) -> Path:
    """A source of some files of a case, each under the name of the table that it is."""
    folder.mkdir(exist_ok=True)
    for table, file in files.items():
        shutil.copyfile(CASES / name / file, folder / f"{table}.csv")
    return folder


def fates(run: Run, table: str) -> tuple[int, int, int]:
    """Rows read, accepted and in quarantine."""
    metadata = run.metadata[f"raw_{table}"]
    return metadata["rows_read"], metadata["rows_accepted"], metadata["rows_quarantined"]


def values(lake: Path, table: str, *columns: str, day: str = DAY) -> dict[str, tuple[Any, ...]]:
    """Columns of a table, by lead."""
    return {lead: tuple(row[name] for name in columns) for lead, row in by_lead(lake, table, day).items()}


def test_addresses_as_ids(tmp_path: Path) -> None:
    run = case("addresses-as-ids", tmp_path)
    assert (fates(run, "leads"), fates(run, "events")) == ((2, 2, 0), (5, 5, 0))
    ana, bob = "ana.ruiz@example.com", "bob@example.com"
    activity = values(tmp_path, "lead_activity", "deliveries_total", "opens_total", "avg_response_hours")
    assert activity == {ana: (1, 1, 0.5), bob: (1, 1, 3.0)}
    assert values(tmp_path, "dynamic_scores", "computed_score") == {ana: (5.5,), bob: (3.5,)}
    assert values(tmp_path, "behavior_predictions", "conversion_probability") == {ana: (62.5,), bob: (47.5,)}


def test_blank_words_in_optional_cells(tmp_path: Path) -> None:
    run = case("blank-words-in-optional-cells", tmp_path)
    assert fates(run, "leads") == (5, 5, 0)
    assert values(tmp_path, "raw_leads", "engaged_at", "converted_at") == {
        **dict.fromkeys("ABCD", (None, None)),
        "E": (dt.datetime(2025, 9, 22, 10, tzinfo=UTC), None),
    }
    statuses = values(tmp_path, "lead_activity", "status")
    assert statuses == {**dict.fromkeys("ABCD", ("nurturing",)), "E": ("engaged",)}


def test_crm_contact_export(tmp_path: Path) -> None:
    zone = "Europe/Madrid"
    source = FileSource(CASES / "crm-contact-export", timezone=zone, business_timezone=zone)
    run = case("crm-contact-export", tmp_path, tz=zone, source=source)
    assert fates(run, "leads") == (6, 6, 0)
    found = values(tmp_path, "lead_activity", "status", "created_at", "platform")

    def at(day: int, hour: int, minute: int) -> dt.datetime:
        return dt.datetime(2025, 9, day, hour, minute, tzinfo=UTC)

    assert found == {
        "5601": ("new", at(18, 7, 30), None),
        "5602": ("new", at(19, 21, 40), None),
        "5603": ("nurturing", at(20, 6, 5), "facebook"),
        "5604": ("engaged", at(21, 12, 0), "linkedin"),
        "5605": ("engaged", at(22, 8, 15), None),
        "5606": ("converted", at(23, 14, 45), None),
    }
    scores = {"5601": (5.0,), "5602": (3.0,), "5603": (6.0,), "5604": (16.0,), "5605": (17.0,), "5606": (9.0,)}
    assert values(tmp_path, "dynamic_scores", "score") == scores
    probabilities = {"5601": (25.0,), "5602": (15.0,), "5603": (30.0,), "5604": (40.0,), "5605": (40.0,)}
    assert values(tmp_path, "behavior_predictions", "conversion_probability") == probabilities
    lineage = run.metadata["raw_leads"]["dagster/column_lineage"].deps_by_column["lead_id"]
    assert [(dep.asset_key.path, dep.column_name) for dep in lineage] == [(["source", "contacts.csv"], "Record ID")]


def test_mail_webhook_log(tmp_path: Path) -> None:
    run = case("mail-webhook-log", tmp_path)
    assert fates(run, "events") == (16, 11, 0)
    assert run.metadata["raw_events"]["rows_left_out"] == 5
    kinds = Counter(
        row["event_type"] + (" by a machine" if row["is_machine"] else "")
        for day in ("2025-09-26", "2025-09-27", "2025-09-28")
        for row in rows(tmp_path, "raw_events", day)
    )
    one_each = dict.fromkeys(("opened", "clicked", "bounced", "unsubscribed", "complained"), 1)
    assert kinds == {**one_each, "sent": 4, "opened by a machine": 2}
    columns = ("deliveries_total", "opens_total", "avg_response_hours", "is_unsubscribed")
    ana, bob, eve = "ana@example.com", "bob@example.com", "eve@example.com"
    activity = values(tmp_path, "lead_activity", *columns)
    assert activity == {ana: (2, 1, 1.5, True), bob: (1, 0, None, False), eve: (1, 0, None, False)}
    assert values(tmp_path, "dynamic_scores", "computed_score") == {ana: (5.5,), bob: (0.0,), eve: (0.0,)}
    assert values(tmp_path, "behavior_predictions", "conversion_probability") == {
        ana: (67.5,),
        bob: (0.0,),
        eve: (0.0,),
    }


def test_dated_exports(tmp_path: Path) -> None:
    run = case("dated-exports", tmp_path)
    assert (fates(run, "leads"), run.metadata["raw_leads"]["rows_superseded"]) == ((12, 6, 0), 3)
    assert run.metadata["raw_leads"]["rows_exact_duplicates"] == 3
    assert values(tmp_path, "lead_activity", "status") == {
        "1": ("converted",),
        "2": ("nurturing",),
        "3": ("inactive",),
        **dict.fromkeys("456", ("new",)),
    }
    case("dated-exports", tmp_path, "2025-09-10")
    assert values(tmp_path, "lead_activity", "status", day="2025-09-10")["1"] == ("nurturing",)


def test_local_times_in_files(tmp_path: Path) -> None:
    zone = "Europe/Madrid"
    source = FileSource(CASES / "local-times-in-files", timezone=zone, business_timezone=zone)
    case("local-times-in-files", tmp_path, tz=zone, source=source)
    activity = values(tmp_path, "lead_activity", "created_at", "avg_response_hours", "business_hours_share")
    assert activity["M-1"] == (dt.datetime(2025, 9, 1, 8, tzinfo=UTC), pytest.approx(77 / 60), 0.0)
    assert activity["M-2"] == (dt.datetime(2025, 9, 28, 21, 30, tzinfo=UTC), None, None)
    assert values(tmp_path, "dynamic_scores", "computed_score") == {"M-1": (7.5,), "M-2": (2.0,)}
    assert values(tmp_path, "behavior_predictions", "conversion_probability", "predicted_next_action") == {
        "M-1": (67.5, "needs_nurturing"),
        "M-2": (10.0, "needs_re_engagement"),
    }


def test_mail_log_of_everybody(tmp_path: Path) -> None:
    run = case("mail-log-of-everybody", tmp_path)
    assert fates(run, "events") == (60, 40, 20)
    activity = values(tmp_path, "lead_activity", "deliveries_total", "opens_total", "avg_response_hours")
    assert activity == {f"l{n:02}@example.com": (1, 1, 1.0) for n in range(20)}
    check = run.checks["raw_events", "unknown_leads"]
    assert (check.passed, check.severity) == (False, "WARN")
    assert check.description.startswith("20 of 60 rows")


@pytest.mark.parametrize("file", ["leads-of-three.csv", "leads-of-twelve.csv"])
def test_nothing_can_be_read(tmp_path: Path, file: str) -> None:
    source = copied("nothing-can-be-read", tmp_path / "source", leads=file)
    run = compute_day(source, tmp_path / "lake", DAY)
    assert list(run.failed) == ["ingest"]
    assert "rows are bad" in run.failed["ingest"]
    assert not partition(tmp_path / "lake", "raw_leads", DAY).exists()


def test_rows_without_trailing_cells(tmp_path: Path) -> None:
    run = case("rows-without-trailing-cells", tmp_path)
    assert fates(run, "leads") == (5, 4, 1)
    assert values(tmp_path, "raw_leads", "interest_area", "referrer_lead_id") == {
        "L-1": ("sales", "L-3"),
        "L-2": ("sales", None),
        "L-3": (None, None),
        "L-4": ("sales", None),
    }
    (bad,) = rows(tmp_path, "quarantine", DAY)
    assert bad["reason"] == "broken line"
    assert "L-5" in bad["row"]


def test_spreadsheet_windows_1252(tmp_path: Path) -> None:
    run = compute_day(CASES / "spreadsheet-windows-1252", tmp_path, DAY)
    assert "ACQUISITION_SOURCE_ENCODING" in run.failed["ingest"]
    source = FileSource(CASES / "spreadsheet-windows-1252", encoding="windows-1252")
    run = case("spreadsheet-windows-1252", tmp_path, source=source)
    assert fates(run, "leads") == (5, 5, 0)
    source = shutil.copytree(CASES / "spreadsheet-windows-1252", tmp_path / "source")
    layout = "name: ours\ntitle: Spreadsheets of this folder\nencoding: windows-1252\n"
    (source / "layout.yaml").write_text(layout, encoding="utf-8")
    assert fates(case("spreadsheet-windows-1252", tmp_path, source=FileSource(source)), "leads") == (5, 5, 0)
    areas = ("ventas", "ventas", "educación", "sales", "marketing")
    found = values(tmp_path, "raw_leads", "interest_area")
    assert found == {f"L-0{n}": (area,) for n, area in enumerate(areas, start=1)}


def test_time_spellings(tmp_path: Path) -> None:
    run = case("time-spellings", tmp_path)
    assert fates(run, "leads") == (12, 12, 0)
    moment = dt.datetime(2025, 9, 20, 9, 30, tzinfo=UTC)
    assert set(values(tmp_path, "lead_activity", "created_at", "age_days").values()) == {(moment, 8)}


def test_unfinished_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class HalfPastOne(dt.datetime):
        """The clock at 13:30 of the day."""

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
            return dt.datetime(2025, 9, 28, 13, 30, tzinfo=tz)

    place, lake = tmp_path / "source", tmp_path / "lake"
    source = copied("unfinished-day", place, leads="leads.csv", events="events-read-at-13-30.csv")
    with monkeypatch.context() as patch:
        patch.setattr(raw_asset, "dt", SimpleNamespace(datetime=HalfPastOne, timedelta=dt.timedelta, date=dt.date))
        run = compute_day(source, lake, DAY)
    assert run.success, run.errors
    assert rows(lake, "anomalies", DAY) == []
    copied("unfinished-day", place, events="events-read-next-morning.csv")
    run = compute_day(source, lake, DAY)
    assert run.success, run.errors
    assert rows(lake, "anomalies", DAY) == []
    days = {row["day"]: (row["deliveries_sent"], row["opened_24h"]) for row in rows(lake, "daily_metrics", DAY)}
    assert days[dt.date(2025, 9, 25)] == days[dt.date(2025, 9, 28)] == (60, 24)


def test_weekly_export(tmp_path: Path) -> None:
    place, lake = tmp_path / "source", tmp_path / "lake"
    source = copied("weekly-export", place, leads="leads.csv", events="events-exported-on-21.csv")
    for day in range(20, 28):
        assert compute_day(source, lake, f"2025-09-{day}", last_step="dynamic_scores").success
    copied("weekly-export", place, events="events-exported-on-29.csv")
    assert compute_day(source, lake, DAY).success
    columns = ("deliveries_total", "opens_total", "deliveries_7d", "opens_7d")
    assert values(lake, "lead_activity", *columns) == {"A": (14, 14, 7, 7)}
    assert values(lake, "dynamic_scores", "computed_score", "score") == {"A": (10.5, 10.5)}
    assert values(lake, "behavior_predictions", "conversion_probability") == {"A": (80.0,)}


def test_channels_from_utm_alone(tmp_path: Path) -> None:
    case("channels-from-utm-alone", tmp_path)
    channels = {row["channel"]: row for row in rows(tmp_path, "social_performance", DAY)}
    of_lead = {lead: channel for lead, (channel,) in values(tmp_path, "lead_activity", "channel").items()}
    assert {lead for lead, channel in of_lead.items() if channel == "organic"} <= {"C-06", "C-11"}
    assert of_lead["C-01"] == of_lead["C-08"]
    mail = channels[of_lead["C-01"]]
    assert (mail["total_leads"], mail["engaged_leads"], mail["engagement_rate"]) == (2, 2, 100.0)
    assert of_lead["C-04"] == of_lead["C-05"]
    assert (of_lead["C-09"], of_lead["C-10"]) == ("instagram", "facebook")

"""Protects the parity of engines: the whole graph gives the same rows, reports and checks on Spark and on DuckDB."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from acquisition_assets.core.contracts import Contract
from acquisition_assets.core.engine import spark
from acquisition_assets.core.engine.spark import SparkEngineSession
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.sql_files import sql_folder
from acquisition_assets.definitions import build_defs
from acquisition_assets.policy import Policy, read_policy
from acquisition_assets_tests.kit import running, world
from acquisition_assets_tests.kit.random_world import write
from acquisition_assets_tests.kit.raw_world import make_raw, run_raw
from acquisition_assets_tests.kit.running import TASKS, Run, compute_day, report, rows, snapshot
from acquisition_assets_tests.services.spark.conftest import MASTER
from acquisition_assets_tests.services.spark.servers import INTERPRETED, WORKERS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Row = dict[str, Any]
OF_THE_RUN = ("seconds", "bytes", "brief")
"""The metadata that differ between runs into two lakes; `brief` is the link to the page."""
# Every construct that a criterion may hold, over every type of column.
SEGMENTS = """
segments:
  words: {description: Text, criterion: "upper(email) like '%STRA_E%' or lower(source) ilike 'ORGANIC' and not
    starts_with(lead_id, 'x') or contains(email, '🚀') or ends_with(email, 'é')"}
  order_of_text: {description: Text, criterion: "lead_id >= 'B' and email < 'z' or interest_area between 'a' and 'n'"}
  lengths: {description: Text, criterion: "length(trim(email)) > 6 and length(consumed_content_types) >= 1"}
  numbers: {description: Numbers, criterion: "round(avg_response_hours / 7, 2) >= 0.01 and
    abs(engagement_score - 3) * 2 > greatest(1, base_score / 4, completion_rate)"}
  quotients: {description: Numbers, criterion: "deliveries_total / completions_total > 1.5 or 1 / opens_total < 0.4"}
  least: {description: Numbers, criterion: "least(conversion_probability, 20, avg_response_hours) < 1.5"}
  missing: {description: Nulls, criterion: "coalesce(days_since_engagement, 99) > 30 or interest_area is null"}
  never: {description: Nulls, criterion: "not (avg_response_hours > 3) and platform not in ('linkedin', 'x')"}
  lists: {description: Lists, criterion: "list_contains(consumed_content_types, 'guide') or
    not list_contains(consumed_content_types, 'other')"}
  moments: {description: Times, criterion: "created_at >= timestamp '2024-03-01 00:00:00' and
    last_engaged_at < date '2024-03-31'"}
  flags: {description: Flags, criterion: "is_unsubscribed or is_unsubscribed = false and status <> 'new'"}
  forecast: {description: Forecasts, criterion: "forecast_probability > 0.05 or priority = 'low'"}
"""
# Two days are then enough for a model that passes its gate, and for forecasts whose outcome is known.
FORECASTS = """
conversion_forecasts: {horizon_days: 1, step_days: 1, first_lead_days: 1, gate_conversions: 1, gate_quantile: 0.99,
  small_conversions: 5, full_conversions: 6}
"""
# The clock goes forward in the night of 2024-03-31; two leads, two openings and two completions tie.
LEADS: Sequence[Row] = [
    {
        "lead_id": name,
        "email": email,
        "source": source,
        "interest_area": area,
        "status": status,
        "engagement_score": score,
        "created_at": "2024-02-20T23:30:00Z",
        "engaged_at": "2024-03-31T00:30:00Z" if status == "engaged" else None,
        "converted_at": None,
        "referrer_url": None,
        "utm_source": None,
        "utm_medium": None,
        "utm_campaign": None,
    }
    for name, email, source, area, status, score in (
        ("B", "ana@straße.example", "Facebook", "marketing", "nurturing", "7.995"),
        ("a", 'x,"y"\nz@é', "m.facebook.com", "sales", "engaged", "1e12"),
        ("Á", "🚀@example.org", None, None, "new", None),
        ("á", None, "organic", "Marketing", "nurturing", "2.675"),
        ("10", "İstanbul@example.org", "linkedin", "ventas", "customer", "0.005"),
        ("9", "ŉ\\n'it''s'", "t.co", "sales", "inactive", "99.995"),
        ("\ufffd", "NaN", "x", "marketing", "hot", "10"),
        ("🚀", "$few", "reddit", "sales", "mql", "8"),
    )
]
# What opened converts; channels come from utm fields and referrers, as people write them.
PAST_LEADS: Sequence[Row] = [
    {
        "lead_id": f"k{number:02}",
        "email": None,
        "source": None,
        "interest_area": area,
        "status": "customer" if day else "new",
        "engagement_score": "5",
        "created_at": f"2024-02-{10 + number:02}T{number:02}:30:00Z",
        "engaged_at": None,
        "converted_at": f"2024-03-{day:02}T10:00:00.000001Z" if day else None,
        "referrer_url": referrer,
        "utm_source": source,
        "utm_medium": medium,
        "utm_campaign": campaign,
    }
    for number, (day, source, medium, campaign, referrer, area) in enumerate(
        (
            (21, "Google", "CPC", "Otoño {{id}}", None, "sales"),
            (23, "facebook", "pa id_social", None, None, "Sales"),
            (24, None, None, None, "https://chatgpt.com/c/1", None),
            (25, "google", "cpc", "otoño", None, "sales"),
            (26, None, None, "PMax", "https://www.google.co.uk/search?q=x", "ventas"),
            (28, "İnsta", "sociall", None, None, None),
            (29, "%20", None, None, "android-app://com.google.android.gm/", None),
            (30, "google", "cpc", "otoño", None, "sales"),
            (0, "newsletter", "e-mail", "otoño", None, "sales"),
            (0, None, None, None, "https://straße.example/é", None),
            (0, "noise 🚀", "what", None, None, "ventas"),
            (0, None, None, None, None, None),
            (0, "google", "cpc", "otoño", None, None),
        )
    )
]
EVENTS: Sequence[Row] = [
    {
        "event_id": f"{kind}-{delivery}-{lead}-{number}",
        "lead_id": lead,
        "delivery_id": delivery,
        "event_type": kind,
        "content_id": "c-ñ",
        "content_type": content,
        "occurred_at": f"2024-03-{at}",
        "is_machine": machine,
    }
    for number, (delivery, lead, kind, content, at, machine) in enumerate(
        (
            ("d1", "B", "sent", "guide", "31T00:59:59.999999Z", "false"),
            ("d1", "B", "opened", "guide", "31T01:00:00Z", "false"),
            ("d1", "B", "completed", "guide", "31T01:00:00Z", "false"),
            ("D2", "B", "sent", "blog", "30T23:00:00Z", None),
            ("D2", "B", "opened", "blog", "31T01:00:00Z", None),
            ("é3", "B", "sent", "Guide", "30T22:59:59.999999Z", None),
            ("é3", "B", "opened", "Guide", "31T01:00:00Z", None),
            ("z4", "a", "opened", None, "30T12:00:00Z", None),
            ("z4", "a", "sent", None, "30T13:00:00Z", None),
            ("m5", "a", "sent", "video", "29T08:00:00Z", None),
            ("m5", "Á", "opened", "ebook", "29T08:00:00Z", None),
            ("m5", "Á", "completed", "ebook", "29T09:00:00Z", None),
            (None, "á", "sent", "video", "31T08:00:00Z", None),
            (None, "á", "completed", "video", "31T09:00:00.000001Z", None),
            ("p6", "🚀", "sent", "🚀 guía", "31T08:00:00Z", None),
            ("p6", "🚀", "completed", "🚀 guía", "31T07:00:00Z", "true"),
            ("u7", "10", "unsubscribed", None, "31T21:59:59.999999Z", None),
            *((f"q{n}", "9", "sent", "blog", f"{29 + n // 6}T{8 + n % 6:02}:00:00Z", None) for n in range(12)),
        )
    )
]
PAST_EVENTS: Sequence[Row] = [
    {
        "event_id": f"{lead['lead_id']}-{kind}-{day}",
        "lead_id": lead["lead_id"],
        "delivery_id": f"{lead['lead_id']}-{day}",
        "event_type": kind,
        "content_id": None,
        "content_type": "guide",
        "occurred_at": f"2024-03-{day:02}T{hour:02}:{place:02}:00Z",
        "is_machine": None,
    }
    for place, lead in enumerate(PAST_LEADS)
    for day in range(20, 30, 3)
    for kind, hour in (("sent", 8), ("opened", 9 + place % 3), ("completed", 13))
    if kind == "sent" or (lead["converted_at"] and (kind == "opened" or place % 2))
]
REFERRALS: Sequence[Row] = [
    {
        "referral_id": str(number),
        "referrer_lead_id": lead,
        "referred_email": None,
        "status": status,
        "created_at": "2024-03-30T12:00:00Z",
        "validated_at": validated,
    }
    for number, (lead, status, validated) in enumerate(
        [
            ("B", "validated", "2024-03-30T13:00:00Z"),
            ("B", "validated", None),
            ("B", "validated", "2024-03-31T22:00:00Z"),
        ]
        + [("á", "fraud", None)] * 9
        + [("🚀", "pending", None)]
    )
]
CONTENT: Sequence[Row] = [
    {"content_id": name, "content_type": "guide", "title": "Guía Avanzada de Marketing Digital"}
    for name in ("z", "c-ñ")
]
CHANGES: Sequence[Row] = [
    {"lead_id": "B", "status": status, "changed_at": "2024-03-31T12:00:00Z"} for status in ("new", "engaged", "mql")
]
SPEND: Sequence[Row] = [
    {
        "day": f"2024-{month:02}-{day:02}",
        "channel": channel,
        "utm_source": source,
        "utm_campaign": campaign,
        "amount": amount,
        "currency": "EUR",
    }
    for month, day in ((2, 20), (3, 30), (3, 31))
    for channel, source, campaign, amount in (
        ("Facebook", None, None, "10.005"),
        (None, "google", "Otoño {{id}}", "20"),
        (None, "google", "otoño", "0.1"),
        (None, "google", "otoño", "0.2"),
    )
]
ADVERSARIAL = {
    "leads": [*LEADS, *PAST_LEADS],
    "events": [*EVENTS, *PAST_EVENTS],
    "referrals": REFERRALS,
    "content": CONTENT,
    "status_changes": CHANGES,
    "spend": SPEND,
}


DOCUMENT_ITEMS = {
    f"content_recommendations/{name}"
    for name in ("completed_items", "content_recommendations", "published", "recomputed")
}
"""Files that run only with the items of the document."""


def untranslated(queries: Sequence[str], folders: Set[str]) -> set[str]:
    """Return the SQL files of these folders whose text is in none of the queries."""
    everything = "\n".join(queries)
    files = [file for file in sql_folder().glob("*/*.sql") if file.parent.name in folders]
    return {f"{file.parent.name}/{file.stem}" for file in files if file.read_text(encoding="utf-8") not in everything}


def on_both(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    sources: Mapping[dt.date, Path],
    zone: str,
    policy: Policy | None = None,
    *,
    url: str | None = None,
) -> None:
    """Run these days, each from its source, on each engine and compare the lakes.

    Args:
        url: of the lake of Spark, folder / "spark", if it is read as a lake at a URL.
    """
    runs = {"duckdb": [compute_day(source, folder / "duckdb", day, zone, policy) for day, source in sources.items()]}
    with monkeypatch.context() as patch:
        patch.setattr(running, "build_defs", _on_spark)
        lake: Any = url or folder / "spark"
        runs["spark"] = [compute_day(source, lake, day, zone, policy) for day, source in sources.items()]
    assert [run.errors for runs_of in runs.values() for run in runs_of] == [""] * 2 * len(sources)
    ours, theirs = snapshot(folder / "duckdb"), snapshot(folder / "spark")
    assert ours.keys() == theirs.keys()
    for name, expected in ours.items():
        assert theirs[name] == expected, name
    for one, other in zip(runs["duckdb"], runs["spark"], strict=True):
        assert other.checks == one.checks
        assert _metadata(other) == _metadata(one)


def _on_spark(settings: Any, **given: Any) -> Any:
    return build_defs(settings.model_copy(update={"engine": "spark", "spark_master": MASTER}), **given)


def _metadata(run: Run) -> dict[str, dict[str, str]]:
    return {
        asset: {name: str(value) for name, value in metadata.items() if name not in OF_THE_RUN}
        for asset, metadata in run.metadata.items()
    }


@pytest.fixture
def translated_queries(cluster: SparkSession, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of queries that the engine translates to Spark's dialect, in the project's own dialect."""
    queries: list[str] = []
    translated = spark.to_spark

    def recorded(query: str) -> str:
        queries.append(query)
        return translated(query)

    monkeypatch.setattr(spark, "to_spark", recorded)
    return queries


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the queries of the test without compiling them, which saves a quarter of the time."""
    monkeypatch.setattr(spark, "SPEED", spark.SPEED | INTERPRETED)


def test_the_cluster_has_two_worker_processes(cluster: SparkSession) -> None:
    context = cluster.sparkContext
    assert context.master == MASTER
    status = context._jsc.sc().getExecutorMemoryStatus()
    assert status.size() == WORKERS + 1  # plus the driver


def test_an_adversarial_world_with_every_file_and_every_construct_of_criteria(
    translated_queries: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first day has no content."""
    write(tmp_path / "first", {name: rows for name, rows in ADVERSARIAL.items() if name != "content"})
    write(tmp_path / "second", ADVERSARIAL)
    (tmp_path / "policy.yaml").write_text(SEGMENTS + FORECASTS, encoding="utf-8")
    policy = read_policy(tmp_path / "policy.yaml")
    days = [dt.date(2024, 3, 30), dt.date(2024, 3, 31)]
    sources = {days[0]: tmp_path / "first", days[1]: tmp_path / "second"}
    on_both(tmp_path, monkeypatch, sources, "Europe/Madrid", policy)
    # The files of `resolved` are for sources with aliases, those of `policy_comparison` for the command compare.
    others = {"postgres", "resolved", "policy_comparison"}
    folders = {folder.name for folder in sql_folder().iterdir() if folder.is_dir()} - others
    assert untranslated(translated_queries, folders) == DOCUMENT_ITEMS
    members = {row["segment"] for row in rows(tmp_path / "spark", "lead_segments", days[1])}
    named = {"words", "order_of_text", "lengths", "numbers", "quotients", "least", "missing", "never", "lists", "flags"}
    assert named | {"forecast"} <= members
    assert rows(tmp_path / "spark", "segment_changes", days[1])
    assert {row["method"] for row in rows(tmp_path / "spark", "conversion_forecasts", days[1])} == {"learned"}
    assert rows(tmp_path / "spark", "channel_costs", days[1])
    assert all(report(tmp_path / "spark", days[1], task) for task in TASKS)


@pytest.mark.usefixtures("interpreted")
def test_a_day_of_the_hand_made_world_in_a_lake_at_a_url(
    translated_queries: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the items of the document."""
    write(tmp_path / "source", world.SOURCE)
    (tmp_path / "spark").mkdir()
    url = f"local://{tmp_path}/spark"
    assert not Lake(url).is_local
    on_both(tmp_path, monkeypatch, {world.SUNDAY: tmp_path / "source"}, world.ZONE, url=url)
    assert [path for path in (tmp_path / "spark" / ".staging").rglob("*") if path.is_file()] == []
    assert not DOCUMENT_ITEMS & untranslated(translated_queries, {"content_recommendations"})


@pytest.mark.usefixtures("interpreted")
def test_a_day_without_leads(cluster: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "source", {"leads": []})
    on_both(tmp_path, monkeypatch, {dt.date(2024, 4, 1): tmp_path / "source"}, "America/Havana")


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("seed", [2])
def test_random_raw_tables_with_aliases_and_merged_leads(
    seed: int, translated_queries: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_raw(seed, leads=(8, 12))
    assert made.raw.aliases
    for engine in ("duckdb", "spark"):
        (tmp_path / engine).mkdir()
        with monkeypatch.context() as patch:
            if engine == "spark":
                patch.setattr(running, "build_defs", _on_spark)
            assert run_raw(made, tmp_path / engine).errors == ""
    assert snapshot(tmp_path / "spark" / "lake") == snapshot(tmp_path / "duckdb" / "lake")
    everything = "\n".join(translated_queries)
    resolved = sql_folder().glob("resolved/*.sql")
    assert [file.stem for file in resolved if file.read_text(encoding="utf-8") not in everything] == []


@pytest.mark.usefixtures("interpreted")
def test_a_table_that_breaks_its_contract_is_not_published(
    cluster: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "source", world.SOURCE)
    lake = tmp_path / "lake"
    assert compute_day(tmp_path / "source", lake, world.SUNDAY, world.ZONE, last_step="dynamic_scores").success
    before = snapshot(lake)
    monkeypatch.setattr(running, "build_defs", _on_spark)
    write_rows = SparkEngineSession.write

    def wrong(session: SparkEngineSession, text: str, contract: Contract, *rest: Any) -> int:
        if contract.table == "dynamic_scores":
            columns = ", ".join("score + 1000 as score" if name == "score" else name for name in contract.columns)
            text = f"select {columns} from ({text}) as right_ones"
        return write_rows(session, text, contract, *rest)

    monkeypatch.setattr(SparkEngineSession, "write", wrong)
    run = compute_day(tmp_path / "source", lake, world.SUNDAY, world.ZONE, last_step="dynamic_scores")
    assert list(run.failed) == ["dynamic_scores"]
    assert "was not published" in run.errors
    assert snapshot(lake) == before

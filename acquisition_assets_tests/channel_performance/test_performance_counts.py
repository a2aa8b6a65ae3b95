"""Protects what channel_performance counts: leads by age, class and channel, and the words that no list knows."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets_tests.kit.sql_cases import END, active, ago, frame, session_of

MICROSECOND = dt.timedelta(microseconds=1)


def queried(name: str, leads: list[dict[str, Any]], **parameters: object) -> list[dict[str, Any]]:
    """The rows of a query over these leads."""
    with session_of({"lead_activity": frame(LEAD_ACTIVITY, leads)}) as session:
        found = session.query(read_sql(f"channel_performance/{name}"), parameters)
    return found.to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("created_at", "days_before"),
    [
        (END - MICROSECOND, 0),
        (ago(1), 0),
        (ago(1) - MICROSECOND, 1),
        (ago(30), 29),
        (ago(90), 89),
        (ago(90) - MICROSECOND, None),
    ],
)
def test_a_window_of_days_is_closed_at_its_start(created_at: dt.datetime, days_before: int | None) -> None:
    found = queried("counts", [active(created_at=created_at)], end_at=END, created_from=ago(90))
    assert [row["days_before"] for row in found] == ([] if days_before is None else [days_before])


def test_leads_are_counted_by_status() -> None:
    statuses = ("new", "nurturing", "engaged", "converted", "inactive")
    leads = [
        active(f"{number}-{status}", status=status, channel=channel, channel_class="email")
        for number, channel in enumerate(("email", "crm"))
        for status in statuses
    ]
    found = queried("counts", leads, end_at=END, created_from=ago(90))
    assert sorted((row["channel"], row["leads"], row["engaged"], row["converted"]) for row in found) == [
        ("crm", 5, 2, 1),
        ("email", 5, 2, 1),
    ]


def test_unknown_words_are_counted_the_most_frequent_first() -> None:
    words = [("unknown", "qr")] * 3 + [("unknown", "crm")] * 5 + [("unknown", "fair")] * 3
    words += [("unknown", None)] * 9 + [("email", "newsletter")] * 9
    leads = [
        active(str(number), channel_class=channel_class, channel_detail=word)
        for number, (channel_class, word) in enumerate(words)
    ]
    leads.append(active("old", channel_detail="old", created_at=ago(91)))
    found = queried("unknown_words", leads, created_from=ago(90), unknown_words=2)
    assert found == [{"word": "crm", "leads": 5}, {"word": "fair", "leads": 3}]
    assert queried("unclassified", leads, created_from=ago(90)) == [{"leads": 29, "unknown_leads": 20}]

"""Protects the life of an incident, day by day: when it opens, goes on, worsens and ends, and which alerts that brings.

Each day of a metric is one letter: `d` a drop of 40 %, `D` of 70 %, `s` a spike, `.` within the expected range, `~`
outside it and not flagged, `?` without data, `-` a day that was not computed.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.core.contracts import Contract
from acquisition_assets.core.policy import Locale
from acquisition_assets.incidents import lifecycle
from acquisition_assets.incidents.contract import ACKNOWLEDGEMENTS, INCIDENTS
from acquisition_assets.incidents.lifecycle import Facts, Followed, follow
from acquisition_assets.metric_watch.contract import METRIC_WATCH
from acquisition_assets.policy import read_policy
from acquisition_assets_tests.kit.examples import examples

FIRST = dt.date(2026, 3, 1)
POLICY = read_policy().incidents
STATES = {"d": "drop", "D": "drop", "s": "spike", "l": "slow_decline", ".": "normal", "~": "normal", "?": "no_data"}
OBSERVED = {"d": 24.0, "D": 12.0, "s": 100.0, "l": 28.0, ".": 40.0, "~": 26.0, "?": None}


def day(number: int) -> dt.date:
    """The day of that number, from 1."""
    return FIRST + dt.timedelta(days=number - 1)


def watched(letters: str, metric: str = "new_leads", channel: str | None = None) -> list[dict[str, Any]]:
    """Rows of metric_watch, one per letter; 40 are expected, 28 to 54 are usual."""
    rows = []
    for number, letter in enumerate(letters, 1):
        if letter == "-":
            continue
        observed, state = OBSERVED[letter], STATES[letter]
        expected = None if observed is None else 40.0
        rows.append(
            {
                "day": day(number),
                "metric": metric,
                "channel": channel,
                "observed": observed,
                "expected": expected,
                "low": None if observed is None else 28.0,
                "high": None if observed is None else 54.0,
                "change": None if observed is None else round(observed / 40 - 1, 4),
                "k": None if observed is None else 1,
                "p_value": None if observed is None else 0.0001,
                "q_value": None if observed is None else 0.001,
                "state": state,
                "day_observed": observed,
                "day_expected": expected,
                "day_low": None if observed is None else (24.0 if letter == "l" else 28.0),
                "day_high": None if observed is None else 54.0,
            }
        )
    return rows


def frame(contract: Contract, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows in a contract's types."""
    return contract.to_frame(pa.Table.from_pylist(rows, schema=contract.arrow_schema))


def rule(number: int, kind: str, severity: str, observed: float, baseline: float | None, **more: Any) -> dict[str, Any]:
    """A row of anomalies with its day."""
    change = None if baseline is None else round(observed / baseline - 1, 4)
    return {
        "day": day(number),
        "type": kind,
        "severity": severity,
        "observed": observed,
        "baseline": baseline,
        "change": change,
        "affected_leads": None,
        **more,
    }


def facts(
    length: int,
    rows: list[dict[str, Any]],
    rules: list[dict[str, Any]] | None = None,
    stale: list[tuple[int, str, str]] | None = None,
    quarantine: list[tuple[int, str, str]] | None = None,
    acknowledged: list[tuple[str, int, int]] | None = None,
    missing: frozenset[int] = frozenset(),
    earlier: pd.DataFrame | None = None,
) -> Facts:
    """What the lake knows of the first days."""
    names = ["day", "type", "severity", "observed", "baseline", "change", "affected_leads"]
    return Facts(
        days=[day(number) for number in range(1, length + 1) if number not in missing],
        watched=frame(METRIC_WATCH, rows),
        anomalies=pd.DataFrame(rules or [], columns=names),
        freshness=pd.DataFrame(
            [(day(n), table, severity, 5.0, 2.0) for n, table, severity in stale or []],
            columns=["day", "table", "severity", "days_old", "limit_days"],
        ),
        quarantine=pd.DataFrame(
            [(day(n), table, severity, 12) for n, table, severity in quarantine or []],
            columns=["day", "table", "severity", "rows"],
        ),
        acknowledgements=frame(
            ACKNOWLEDGEMENTS,
            [
                {"id": each, "acknowledged_on": day(since), "until": day(until), "why": "known"}
                for each, since, until in acknowledged or []
            ],
        ),
        earlier=earlier,
    )


def followed(length: int, known: Facts, locale: Locale = "en", first: int = 1) -> Followed:
    """The incidents and alerts of the first days, and that they keep the table's contract."""
    found = follow(known, day(first), day(length), POLICY, locale)
    assert INCIDENTS.validate(INCIDENTS.to_arrow(found.incidents)) == []
    return found


def told(found: Followed) -> list[tuple[int, str, str]]:
    """The alerts as (number of the day, event, incident without its day)."""
    return [((each.day - FIRST).days + 1, each.event, each.incident.rsplit(":", 1)[0]) for each in found.notices]


def events(found: Followed) -> list[tuple[int, str]]:
    """The alerts of one metric, channel and direction."""
    assert len({key for _, _, key in told(found)}) <= 1
    return [(number, event) for number, event, _ in told(found)]


@pytest.mark.parametrize(
    ("name", "letters", "expected"),
    [
        ("nothing", ".....", []),
        ("one day", "..d...", [(3, "opened"), (6, "resolved")]),
        ("goes on over a gap of two days", "d..d...", [(1, "opened"), (7, "resolved")]),
        (
            "a new one after three quiet days",
            "d...d...",
            [(1, "opened"), (4, "resolved"), (5, "opened"), (8, "resolved")],
        ),
        ("outside the range, not flagged", "d.~..~...", [(1, "opened"), (7, "repeated"), (9, "resolved")]),
        ("days without data are not quiet", "d.??..", [(1, "opened"), (6, "resolved")]),
        ("days that were not computed are not quiet", "d.--..", [(1, "opened"), (6, "resolved")]),
        ("worsens by severity", "dD...", [(1, "opened"), (2, "worse"), (5, "resolved")]),
        ("worse is told once", "dDDdD...", [(1, "opened"), (2, "worse"), (7, "repeated"), (8, "resolved")]),
        ("each seventh day", "d" * 15, [(1, "opened"), (7, "repeated"), (14, "repeated")]),
        ("the end is told once", "d..........", [(1, "opened"), (4, "resolved")]),
        ("a slow decline", "lll...", [(1, "opened"), (6, "resolved")]),
        ("a spike after a drop is another", "d.s", None),
    ],
)
def test_worked_examples(name: str, letters: str, expected: list[tuple[int, str]] | None) -> None:
    missing = frozenset(n for n, letter in enumerate(letters, 1) if letter == "-")
    found = followed(len(letters), facts(len(letters), watched(letters), missing=missing))
    if expected is None:
        drop, spike = "new_leads:all:drop", "new_leads:all:spike"
        assert told(found) == [(1, "opened", drop), (3, "opened", spike)], name
    else:
        assert events(found) == expected, name


def test_a_row_says_when_it_opened_was_last_seen_and_ended() -> None:
    found = followed(8, facts(8, watched(".dD.d...")))
    (row,) = found.incidents.to_dict("records")
    assert row["id"] == "new_leads:all:drop:2026-03-02"
    assert (row["opened_on"], row["last_seen_on"], row["resolved_on"]) == (day(2), day(5), day(8))
    assert (row["status"], row["days"], row["quiet_days"]) == ("resolved", 4, 3)
    assert (row["kind"], row["severity"], row["worst_change"]) == ("lead_generation_drop", "high", -0.7)
    assert (row["observed"], row["expected"]) == (24.0, 40.0)


def test_one_and_a_half_times_the_change_is_worse() -> None:
    rows = watched("sss...")
    for row, value in zip(rows, (60.0, 69.0, 71.0), strict=False):
        row |= {"observed": value, "day_observed": value, "change": round(value / 40 - 1, 4)}
    found = followed(6, facts(6, rows))
    assert events(found) == [(1, "opened"), (3, "worse"), (6, "resolved")]  # +50 %, +72.5 %, +77.5 %
    assert {each.severity for each in found.notices} == {"medium"}


def test_a_drop_of_all_leads_explains_those_of_channels() -> None:
    rows = watched("dd...") + watched("dd...", channel="linkedin") + watched(".ss..", channel="facebook")
    found = followed(5, facts(5, rows))
    spike = "new_leads:facebook:spike"
    assert told(found) == [
        (1, "opened", "new_leads:all:drop"),
        (2, "opened", spike),
        (5, "resolved", "new_leads:all:drop"),
    ]
    parents = dict(zip(found.incidents["channel"].fillna("all"), found.incidents["parent"], strict=True))
    assert parents["linkedin"] == "new_leads:all:drop:2026-03-01"
    assert pd.isna(parents["facebook"])
    assert pd.isna(parents["all"])


def test_a_child_that_outlives_its_parent_is_told() -> None:
    rows = watched("dd......") + watched("dddddddd", channel="linkedin")
    found = followed(8, facts(8, rows))
    assert told(found) == [
        (1, "opened", "new_leads:all:drop"),
        (5, "resolved", "new_leads:all:drop"),
        (5, "opened", "new_leads:linkedin:drop"),
        (7, "repeated", "new_leads:linkedin:drop"),
    ]


def test_stale_data_explains_drops_of_its_source_only() -> None:
    rows = watched("dd...") + watched("dd...", "completions") + watched("dd...", channel="linkedin")
    found = followed(5, facts(5, rows, stale=[(1, "leads", "medium"), (2, "leads", "high")]))
    stale = "leads:all:stale_data"
    assert told(found) == [
        (1, "opened", "completions:all:drop"),
        (1, "opened", stale),
        (2, "worse", stale),
        (5, "resolved", stale),
        (5, "resolved", "completions:all:drop"),
    ]
    parents = found.incidents.loc[found.incidents["metric"] == "new_leads", "parent"]
    assert set(parents) == {"leads:all:stale_data:2026-03-01"}


def test_a_rate_explains_its_successes_and_fewer_unwanted_events_are_no_incident() -> None:
    rows = watched("ss...", "fraud_rate") + watched("ss...", "referrals_fraud") + watched("dd...", "bounce_rate")
    rows += watched("dd...", "deliveries_sent") + watched("dd...", "opened_24h")
    found = followed(5, facts(5, rows))
    assert told(found) == [
        (1, "opened", "fraud_rate:all:spike"),
        (1, "opened", "deliveries_sent:all:drop"),
        (5, "resolved", "fraud_rate:all:spike"),
        (5, "resolved", "deliveries_sent:all:drop"),
    ]
    parents = dict(zip(found.incidents["metric"], found.incidents["parent"], strict=True))
    assert parents["referrals_fraud"] == "fraud_rate:all:spike:2026-03-01"
    assert parents["opened_24h"] == "deliveries_sent:all:drop:2026-03-01"
    assert "bounce_rate" not in parents


def test_days_without_data_keep_an_incident_open_and_are_none() -> None:
    found = followed(6, facts(6, watched("d?????"), stale=[(n, "leads", "high") for n in range(2, 7)]))
    assert [(n, event) for n, event, key in told(found) if key == "new_leads:all:drop"] == [(1, "opened")]
    assert set(found.incidents["status"]) == {"open"}


def test_quarantine_opens_and_ends_an_incident() -> None:
    found = followed(5, facts(5, [], quarantine=[(1, "events", "high"), (2, "events", "high")]))
    assert told(found) == [(1, "opened", "events:all:quarantine"), (5, "resolved", "events:all:quarantine")]
    assert found.notices[0].title == "Table events: 12 rows in quarantine, day 1"


def test_an_acknowledgement_silences_until_its_day() -> None:
    acknowledged = [("new_leads:all:drop:2026-03-01", 2, 7)]
    found = followed(14, facts(14, watched("dDDDDDDDDDDDDD"), acknowledged=acknowledged))
    # The seventh day is silent; that it became worse is alerted as soon as the acknowledgement is over.
    assert events(found) == [(1, "opened"), (8, "worse"), (14, "repeated")]
    during = followed(5, facts(5, watched("dDDDD"), acknowledged=acknowledged))
    assert list(during.incidents["acknowledged_until"]) == [day(7)]
    other = followed(7, facts(7, watched("ddddddd"), acknowledged=[("new_leads:all:drop:2026-02-28", 2, 7)]))
    assert events(other) == [(1, "opened"), (7, "repeated")]


def test_a_rule_of_the_document_and_the_watch_are_one_incident() -> None:
    rules = [
        rule(2, "lead_generation_drop", "medium", 20.0, 40.0),
        rule(3, "lead_generation_drop", "medium", 18.0, 40.0),
    ]
    found = followed(6, facts(6, watched("d....."), rules))
    assert events(found) == [(1, "opened"), (6, "resolved")]
    assert list(found.incidents["kind"]) == ["lead_generation_drop"]
    assert list(found.incidents["worst_change"]) == [-0.55]


def test_a_rule_without_a_watched_metric_opens_and_ends() -> None:
    fraud = [rule(n, "high_fraud_rate", "high", 62.0, 20.0) for n in range(1, 5)]
    silent = [rule(2, "unusual_behavior", "medium", 7.0, None, affected_leads=7)]
    found = followed(7, facts(7, [], [*fraud, *silent]))
    assert told(found) == [
        (1, "opened", "fraud_rate:all:spike"),
        (2, "opened", "unusual_behavior:all:spike"),
        (5, "resolved", "unusual_behavior:all:spike"),
        (7, "resolved", "fraud_rate:all:spike"),
    ]
    rows = {row["metric"]: row for row in found.incidents.to_dict("records")}
    assert (rows["fraud_rate"]["kind"], rows["unusual_behavior"]["affected_leads"]) == ("high_fraud_rate", 7)
    assert found.notices[-1].title == "Resolved: Referral fraud 62 %, limit 20 %, day 4"


def test_a_rule_that_cannot_be_judged_by_the_watch_ends_all_the_same() -> None:
    rows = watched("......", "fraud_rate")
    for row in rows:
        row |= dict.fromkeys(("expected", "low", "high", "change", "k", "p_value", "q_value", "day_low", "day_high"))
        row |= {"state": "not_enough_data"}
    found = followed(6, facts(6, rows, [rule(1, "high_fraud_rate", "high", 62.0, 20.0)]))
    assert events(found) == [(1, "opened"), (4, "resolved")]


def test_a_backfilled_day_removes_and_moves_incidents() -> None:
    assert events(followed(3, facts(3, watched("..d")))) == [(3, "opened")]
    assert followed(3, facts(3, watched("..."))).incidents.empty
    moved = followed(3, facts(3, watched(".dd")))
    assert list(moved.incidents["id"]) == ["new_leads:all:drop:2026-03-02"]


def test_an_incident_older_than_the_window_keeps_its_name_and_its_alerts() -> None:
    length = 50
    letters = "." * 4 + "d" * 46
    whole = followed(length, facts(length, watched(letters)))
    for last in range(36, length + 1):
        before = followed(last - POLICY.window_days, facts(length, watched(letters))).incidents
        first = last - POLICY.window_days + 1
        assert day(first) == lifecycle.first_day(day(last), POLICY)
        window = followed(last, facts(length, watched(letters), earlier=before), first=first)
        assert window.notices_of(day(last)) == whole.notices_of(day(last))
        assert list(window.incidents["id"]) == ["new_leads:all:drop:2026-03-05"]


@pytest.mark.parametrize(
    ("locale", "title", "message", "recommendation"),
    [
        (
            "en",
            "New leads from linkedin 40 % below expected, day 2",
            "New leads from linkedin: 24 a day, 40 expected. Since 2026-03-01",
            "Review acquisition channels and campaigns",
        ),
        (
            "es",
            "Leads nuevos de linkedin: 40 % por debajo de lo esperado, día 2",
            "Leads nuevos de linkedin: 24 al día frente a 40 esperados. Desde 2026-03-01",
            "Revisar canales de adquisición y campañas",
        ),
    ],
)
def test_words_in_both_languages(locale: Locale, title: str, message: str, recommendation: str) -> None:
    found = followed(2, facts(2, watched("dd", channel="linkedin")), locale)
    (row,) = found.incidents.to_dict("records")
    assert (row["title"], row["message"], row["recommendation"]) == (title, message, recommendation)


@examples(40)
@given(
    letters=st.text("dDsl.~?", min_size=5, max_size=20),
    channel=st.text("dDs.?", min_size=5, max_size=20),
    seed=st.integers(0, 1000),
)
def test_order_of_rows_and_later_days_change_nothing(letters: str, channel: str, seed: int) -> None:
    rows = watched(letters) + watched(channel, channel="linkedin")
    length = max(len(letters), len(channel))
    known = facts(length, rows)
    half = length // 2
    shuffled = facts(length, rows)
    shuffled = Facts(**{**vars(shuffled), "watched": shuffled.watched.sample(frac=1, random_state=seed)})
    whole = followed(length, known)
    again = followed(length, shuffled)
    assert whole.notices == again.notices
    pd.testing.assert_frame_equal(whole.incidents, again.incidents)
    early = followed(half, facts(half, [row for row in rows if row["day"] <= day(half)]))
    assert [notice for notice in whole.notices if notice.day <= day(half)] == early.notices
    for incident in whole.incidents.to_dict("records"):
        own = [notice.event for notice in whole.notices if notice.incident == incident["id"]]
        assert own.count("opened") <= 1
        assert own.count("resolved") == (
            incident["status"] == "resolved" and own[:1] == ["opened"] and "resolved" in own
        )
        assert own == [] or own[0] == "opened"
        assert "resolved" not in own or own[-1] == "resolved"


@pytest.mark.parametrize(("rule", "change"), [("order of days", {"until": day(1)}), ("reason", {"why": " "})])
def test_each_rule_of_acknowledgements_can_be_broken(rule: str, change: dict[str, Any]) -> None:
    row = {"id": "a", "acknowledged_on": day(2), "until": day(3), "why": "known", **change}
    table = pa.Table.from_pylist([row], schema=ACKNOWLEDGEMENTS.arrow_schema)
    assert [str(each).split(":")[0] for each in ACKNOWLEDGEMENTS.validate(table)] == [rule]

"""Protects the four anomaly rules with worked examples on both sides of every threshold and with real series."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from acquisition_assets.anomalies.contract import ANOMALIES
from acquisition_assets.anomalies.detect import Evidence, detect
from acquisition_assets.anomalies.policy import AnomalyPolicy
from acquisition_assets.core.contracts import violations_query
from acquisition_assets.policy import read_policy
from acquisition_assets_tests.kit.examples import examples

DAY = dt.date(2026, 3, 31)  # a Tuesday
LONG_AGO = DAY - dt.timedelta(days=200)
POLICY = read_policy().anomalies
MENTIONS = Path(__file__).parents[1] / "data" / "daily" / "twitter_mentions.csv"
COUNTS = (
    "new_leads",
    "deliveries_sent",
    "opened_24h",
    "completions",
    "referrals_created",
    "referrals_fraud",
    "leads_engaged",
    "leads_converted",
)
Days = Mapping[int, int]


def ago(days: int) -> dt.date:
    """Return the date this many days before the day."""
    return DAY - dt.timedelta(days=days)


def metrics(day: dt.date = DAY, length: int = 90, **counts: Days) -> pd.DataFrame:
    """Return daily metrics up to the day: zeros except for the given counts by days before it."""
    frame = pd.DataFrame({"day": [day - dt.timedelta(days=n) for n in range(length - 1, -1, -1)]})
    for name in COUNTS:
        given = counts.get(name, {})
        frame[name] = [given.get(n, 0) for n in range(length - 1, -1, -1)]
    return frame


def found(
    policy: AnomalyPolicy = POLICY,
    leads_since: dt.date | None = None,
    sent_since: dt.date | None = None,
    silent: int = 0,
    **counts: Days,
) -> dict[str, dict[str, Any]]:
    """Return the anomalies of the day by type."""
    frame = detect(Evidence(metrics(**counts), leads_since, sent_since, silent), DAY, policy, "es")
    return {row["type"]: row for row in ANOMALIES.to_arrow(frame).to_pylist()}


def spread(total: int, days: Sequence[int]) -> dict[int, int]:
    """Spread a total over days, with the remainder on the last one."""
    return {n: total // len(days) + (total % len(days) if n == days[-1] else 0) for n in days}


def mail(now: tuple[int, int], before: tuple[int, int], season: tuple[int, int] = (0, 0)) -> dict[str, Days]:
    """Return daily counts with these (opened, sent) in the last three days, the three before, and all season days."""
    columns = {}
    for place, name in enumerate(("opened_24h", "deliveries_sent")):
        columns[name] = {
            **spread(season[place], [n + 1 for n in SEASON]),
            **spread(before[place], (4, 5, 6)),
            **spread(now[place], (1, 2, 3)),
        }
    return columns


def arrivals(now: int, before: int, season: int = 0) -> dict[str, Days]:
    """Return daily counts with this many leads in the last three days, the three before, and all season days."""
    return {"new_leads": {**spread(season, SEASON), **spread(before, (3, 4, 5)), **spread(now, (0, 1, 2))}}


def broken(table: pa.Table) -> list[str]:
    """Return the contract's rules that the rows break."""
    names, query = violations_query(ANOMALIES, "rows")
    with duckdb.connect() as connection:
        connection.register("rows", table)
        _, *counts = connection.execute(query).fetchall()[0]
    return [name for name, count in zip(names, counts, strict=True) if count]


SEASON = (7, 8, 9, 14, 15, 16, 21, 22, 23, 28, 29, 30)


# -- engagement ------------------------------------------------------------------------------------------------------


class Mail(NamedTuple):
    """Opened and sent in both windows, and whether that is a drop."""

    now: tuple[int, int]
    before: tuple[int, int]
    drops: bool
    why: str


@pytest.mark.parametrize(
    "case",
    [
        Mail((69, 1000), (100, 1000), True, "31 % below"),
        Mail((70, 1000), (100, 1000), False, "exactly 30 % below"),
        Mail((699, 10_000), (100, 1000), True, "a little more than 30 % below"),
        Mail((210, 1000), (300, 1000), False, "exactly 30 % below, where 0.3 * 0.7 is not 0.21 in doubles"),
        Mail((5, 50), (20, 50), True, "50 deliveries in each"),
        Mail((5, 49), (20, 50), False, "49 now"),
        Mail((5, 50), (20, 49), False, "49 before"),
        Mail((0, 50), (3, 50), True, "p is 0.0393"),
        Mail((0, 50), (2, 50), False, "p is 0.0766"),
        Mail((7, 50), (14, 50), True, "p is 0.0428"),
        Mail((8, 50), (14, 50), False, "43 % below, and p is 0.0738"),
        Mail((0, 0), (100, 1000), False, "nothing sent now"),
        Mail((0, 1000), (0, 1000), False, "nobody ever opens"),
        Mail((1000, 1000), (1000, 1000), False, "everybody always opens"),
        Mail((100, 1000), (70, 1000), False, "a rise"),
    ],
    ids=lambda case: case.why,
)
def test_engagement_drop(case: Mail) -> None:
    assert ("engagement_drop" in found(**mail(case.now, case.before))) == case.drops


def test_an_engagement_drop_reports_its_numbers() -> None:
    row = found(sent_since=LONG_AGO, **mail((37, 200), (85, 300), (960, 3200)))["engagement_drop"]
    shares = 37 / 200, 85 / 300
    pooled = (37 + 85) / 500
    z = (shares[0] - shares[1]) / (pooled * (1 - pooled) * (1 / 200 + 1 / 300)) ** 0.5
    assert row.pop("p_value") == pytest.approx(NormalDist().cdf(z), rel=1e-5)
    assert row == {
        "type": "engagement_drop",
        "severity": "high",
        "message": "Caída significativa en engagement rate: 18.5% vs 28.3% promedio anterior",
        "recommendation": "Revisar contenido y timing de envíos",
        "observed": 18.5,
        "baseline": 28.33,
        "seasonal_baseline": 30.0,
        "change": -0.3471,
        "affected_leads": None,
        "window_start": ago(3),
        "window_end": ago(1),
    }


def test_rates_are_pooled_over_the_days() -> None:
    counts = {"deliveries_sent": {1: 98, 2: 1, 3: 1, 4: 100}, "opened_24h": {1: 10, 2: 1, 3: 1, 4: 40}}
    assert found(**counts)["engagement_drop"]["observed"] == 12.0


@pytest.mark.parametrize(
    ("first_sent", "season", "drops", "baseline"),
    [
        (ago(31), (100, 1000), False, None),  # the same weekdays are as low
        (ago(30), (100, 1000), True, None),  # the history is a day too short for a season
        (None, (100, 1000), True, None),
        (ago(31), (143, 1000), True, 14.3),  # 10 % is more than 30 % below 14.3 %
        (ago(31), (1000, 7000), False, None),  # exactly 30 % below
        (ago(31), (0, 0), True, None),  # no delivery on those days: the season decides nothing
        (ago(31), (0, 10), False, None),  # deliveries without any opening: the season counts
        (ago(90), (143, 1000), True, 14.3),
    ],
)
def test_the_season_of_engagement(
    first_sent: dt.date | None, season: tuple[int, int], drops: bool, baseline: float | None
) -> None:
    row = found(sent_since=first_sent, **mail((100, 1000), (200, 1000), season)).get("engagement_drop")
    assert (row is not None) == drops
    assert row is None or row["seasonal_baseline"] == baseline


def test_openings_on_the_day_itself_are_ignored() -> None:
    """The 24 hours after their sending are not over."""
    counts = mail((200, 1000), (200, 1000))
    today = {"deliveries_sent": {**counts["deliveries_sent"], 0: 10_000}}
    assert found(**{**counts, **today}) == {}


def test_each_season_needs_the_history_of_its_own_metric() -> None:
    quiet_mail, quiet_leads = mail((100, 1000), (200, 1000), (100, 1000)), arrivals(10, 100, 40)
    assert list(found(leads_since=LONG_AGO, **quiet_mail, **quiet_leads)) == ["engagement_drop"]
    assert list(found(sent_since=LONG_AGO, **quiet_mail, **quiet_leads)) == ["lead_generation_drop"]


# -- fraud -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fraud", "referrals", "is_high"),
    [
        (3, 11, True),
        (11, 11, True),
        (10, 10, False),  # not more than 10
        (3, 15, False),  # exactly 20 %
        (4, 15, True),
        (20, 100, False),
        (21, 100, True),
        (2001, 10_000, True),
        (0, 50, False),
        (0, 0, False),
    ],
)
def test_high_fraud_rate(fraud: int, referrals: int, is_high: bool) -> None:
    days = range(7)
    counts = {"referrals_created": spread(referrals, days), "referrals_fraud": spread(fraud, days)}
    assert ("high_fraud_rate" in found(**counts)) == is_high


def test_fraud_is_counted_over_the_last_seven_business_days() -> None:
    assert "high_fraud_rate" in found(referrals_created={6: 11}, referrals_fraud={6: 11})
    assert found(referrals_created={7: 11}, referrals_fraud={7: 11}) == {}


def test_a_high_fraud_rate_reports_its_numbers() -> None:
    assert found(referrals_created={0: 5, 6: 6}, referrals_fraud={6: 3})["high_fraud_rate"] == {
        "type": "high_fraud_rate",
        "severity": "high",
        "message": "Tasa de fraude alta en referidos: 27.3% (3 de 11) vs 20.0% límite",
        "recommendation": "Revisar y fortalecer validaciones anti-fraude",
        "observed": 27.27,
        "baseline": 20.0,
        "seasonal_baseline": None,
        "change": 0.3636,
        "p_value": None,
        "affected_leads": None,
        "window_start": ago(6),
        "window_end": DAY,
    }


def test_a_limit_of_zero_has_no_change() -> None:
    policy = POLICY.model_copy(update={"fraud_percent": 0.0})
    row = found(policy, referrals_created={0: 20}, referrals_fraud={0: 1})["high_fraud_rate"]
    assert (row["baseline"], row["change"]) == (0.0, None)
    assert found(policy, referrals_created={0: 20}) == {}


def test_a_decimal_limit_is_compared_exactly() -> None:
    policy = POLICY.model_copy(update={"fraud_percent": 0.3})
    assert found(policy, referrals_created={0: 1000}, referrals_fraud={0: 3}) == {}
    assert "high_fraud_rate" in found(policy, referrals_created={0: 999}, referrals_fraud={0: 3})


# -- leads -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "before", "drops"),
    [
        (59, 100, True),
        (60, 100, False),  # exactly 40 % below
        (61, 100, False),
        (3, 10, True),  # p is 0.0461
        (4, 10, False),  # p is 0.0898
        (5, 10, False),  # 50 % below, and p is 0.1509
        (1, 10, True),
        (1, 9, False),  # too few before
        (0, 9, False),
        (0, 10, True),
        (11, 20, False),  # 45 % below, and p is 0.0748
        (9, 20, True),
        (10, 20, True),  # p is 0.0494
        (0, 0, False),
        (40, 10, False),
    ],
)
def test_lead_generation_drop(now: int, before: int, drops: bool) -> None:
    row = found(**arrivals(now, before)).get("lead_generation_drop")
    assert (row is not None) == drops
    if row:
        exact = binomtest(now, now + before, 0.5, alternative="less").pvalue
        assert row["p_value"] == pytest.approx(exact, rel=1e-5)


def test_a_lead_drop_reports_its_numbers() -> None:
    assert found(leads_since=LONG_AGO, **arrivals(13, 40, 161))["lead_generation_drop"] == {
        "type": "lead_generation_drop",
        "severity": "medium",
        "message": "Caída significativa en generación de leads: 4.3 leads por día vs 13.3 promedio anterior",
        "recommendation": "Revisar canales de adquisición y campañas",
        "observed": 4.33,
        "baseline": 13.33,
        "seasonal_baseline": 13.42,
        "change": -0.675,
        "p_value": 0.00013427,
        "affected_leads": None,
        "window_start": ago(2),
        "window_end": DAY,
    }


@pytest.mark.parametrize(
    ("first_lead", "season", "drops", "baseline"),
    [
        (ago(30), 4 * 50, False, None),  # 30 now is exactly 40 % below 50
        (ago(30), 4 * 50 + 1, True, 16.75),
        (ago(29), 4 * 50, True, None),
        (ago(29), 0, True, None),
        (None, 4 * 50, True, None),
        (ago(30), 0, False, None),  # days without leads count as zero, never as missing
        (ago(75), 4 * 100, True, 33.33),
    ],
)
def test_the_season_of_leads(first_lead: dt.date | None, season: int, drops: bool, baseline: float | None) -> None:
    row = found(leads_since=first_lead, **arrivals(30, 100, season)).get("lead_generation_drop")
    assert (row is not None) == drops
    assert row is None or row["seasonal_baseline"] == baseline


@pytest.mark.parametrize("n", range(1, 35))
def test_the_season_compares_the_same_weekdays_of_four_weeks(n: int) -> None:
    counts = {"new_leads": {3: 100, **({n: 1000} if n > 5 else {})}}
    assert ("lead_generation_drop" in found(leads_since=LONG_AGO, **counts)) == (n in SEASON)


def test_missing_days_count_as_zero() -> None:
    full = metrics(**arrivals(0, 30, 400))
    sparse = full[full["new_leads"] > 0]
    for first in (LONG_AGO, None):
        frames = [detect(Evidence(each, first, None, 0), DAY, POLICY, "es") for each in (full, sparse)]
        assert frames[0].equals(frames[1])
        assert list(frames[0]["observed"]) == [0.0]


# -- silence ---------------------------------------------------------------------------------------------------------


def test_any_silent_lead_is_unusual() -> None:
    assert found(silent=0) == {}
    assert found(silent=1)["unusual_behavior"]["message"] == "1 lead recibió 10+ emails sin abrir ninguno"
    assert found(silent=5)["unusual_behavior"] == {
        "type": "unusual_behavior",
        "severity": "medium",
        "message": "5 leads recibieron 10+ emails sin abrir ninguno",
        "recommendation": "Revisar calidad de emails y considerar pausar envíos",
        "observed": 5.0,
        "baseline": None,
        "seasonal_baseline": None,
        "change": None,
        "p_value": None,
        "affected_leads": 5,
        "window_start": ago(6),
        "window_end": DAY,
    }


# -- together --------------------------------------------------------------------------------------------------------

ALL_FOUR: dict[str, Days] = {
    **mail((10, 1000), (300, 1000)),
    **arrivals(0, 100),
    "referrals_created": {0: 40},
    "referrals_fraud": {0: 30},
}


@pytest.mark.parametrize("locale", ["es", "en"])
def test_all_four_types_come_in_order(locale: Any) -> None:
    frame = detect(Evidence(metrics(**ALL_FOUR), None, None, 3), DAY, POLICY, locale)
    assert list(frame["type"]) == ["engagement_drop", "high_fraud_rate", "lead_generation_drop", "unusual_behavior"]
    assert list(frame["severity"]) == ["high", "high", "medium", "medium"]
    assert broken(ANOMALIES.to_arrow(frame)) == []


def test_a_quiet_day_has_all_columns_and_no_rows() -> None:
    frame = detect(Evidence(metrics(), None, None, 0), DAY, POLICY, "es")
    assert len(frame) == 0
    assert list(frame.columns) == list(ANOMALIES.columns)
    assert ANOMALIES.to_arrow(frame).schema == ANOMALIES.arrow_schema
    assert detect(Evidence(metrics(length=0), None, None, 0), DAY, POLICY, "es").equals(frame)


def test_the_order_and_types_of_the_input_do_not_matter() -> None:
    plain = metrics(**ALL_FOUR)
    before = plain.copy(deep=True)
    arrow = pa.Table.from_pandas(plain, preserve_index=False)
    frames = (
        plain,
        plain.sample(frac=1, random_state=7),
        arrow.to_pandas(types_mapper=pd.ArrowDtype),
        plain.assign(day=pd.to_datetime(plain["day"])),
        plain.convert_dtypes(),
        plain.astype(dict.fromkeys(COUNTS, "float64")),
    )
    expected = detect(Evidence(plain, LONG_AGO, LONG_AGO, 3), DAY, POLICY, "es")
    for frame in frames:
        assert detect(Evidence(frame, LONG_AGO, LONG_AGO, 3), DAY, POLICY, "es").equals(expected)
    pd.testing.assert_frame_equal(plain, before)


def test_later_days_change_nothing() -> None:
    longer = metrics(day=DAY + dt.timedelta(days=5), length=95, new_leads={0: 900, 4: 900, 8: 100, 9: 100})
    shorter = longer[longer["day"] <= DAY]
    frames = [detect(Evidence(each, None, None, 0), DAY, POLICY, "es") for each in (longer, shorter)]
    assert len(frames[0]) == 1
    assert frames[0].equals(frames[1])


@examples(40)
@given(
    st.lists(st.tuples(*[st.integers(0, 400)] * 5), min_size=40, max_size=40),
    st.sampled_from([None, ago(29), ago(30)]),
    st.integers(0, 3),
)
def test_any_result_keeps_the_contract_and_the_rules(
    days: list[tuple[int, ...]], first: dt.date | None, silent: int
) -> None:
    sent, opened, leads, created, fraud = ({n: day[column] for n, day in enumerate(days)} for column in range(5))
    opened = {n: min(opened[n], sent[n]) for n in sent}
    fraud = {n: min(fraud[n], created[n]) for n in created}
    rows = found(
        leads_since=first,
        sent_since=first,
        silent=silent,
        deliveries_sent=sent,
        opened_24h=opened,
        new_leads=leads,
        referrals_created=created,
        referrals_fraud=fraud,
    )
    assert broken(pa.Table.from_pylist(list(rows.values()), schema=ANOMALIES.arrow_schema)) == []
    now, before = (sum(leads[n] for n in window) for window in ((0, 1, 2), (3, 4, 5)))
    if first == ago(30):
        before = min(Fraction(before), Fraction(sum(leads[n] for n in SEASON), 4))
    if "lead_generation_drop" in rows:
        assert 10 * now < 6 * before
    shares = sum(fraud[n] for n in range(7)), sum(created[n] for n in range(7))
    assert ("high_fraud_rate" in rows) == (shares[1] > 10 and 5 * shares[0] > shares[1])
    assert ("unusual_behavior" in rows) == (silent > 0)


# -- series with a weekly rhythm -------------------------------------------------------------------------------------


def lead_drops(counts: Sequence[int], days: Sequence[dt.date], *, with_season: bool = True) -> list[dt.date]:
    """Return the days with a season on which the series shows a lead drop."""
    frame = pd.DataFrame({"day": days, "new_leads": counts}).assign(**dict.fromkeys(COUNTS[1:], 0))
    first = days[0] if with_season else None
    return [
        day for day in days[30:] if len(detect(Evidence(frame[frame["day"] <= day], first, None, 0), day, POLICY, "es"))
    ]


def mentions(company: str) -> tuple[list[dt.date], list[int]]:
    """Return a real daily series, scaled to a day's leads."""
    with MENTIONS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [dt.date.fromisoformat(row["day"]) for row in rows], [int(row[company]) // 20 for row in rows]


@pytest.mark.parametrize("company", ["salesforce", "facebook"])
def test_real_weekends_are_not_anomalies(company: str) -> None:
    days, counts = mentions(company)
    flagged = lead_drops(counts, days)
    assert len(flagged) <= POLICY.significance * len(days[30:])
    assert len(lead_drops(counts, days, with_season=False)) > len(flagged)


@pytest.mark.parametrize("company", ["salesforce", "facebook"])
def test_a_collapse_of_a_real_series_is_an_anomaly_on_any_weekday(company: str) -> None:
    days, counts = mentions(company)
    for end in range(len(days) - 7, len(days)):
        broken = [*counts[: end - 2], *(count // 5 for count in counts[end - 2 : end + 1])]
        assert days[end] in lead_drops(broken, days[: end + 1])


@pytest.mark.parametrize("mean", [12, 60])
def test_an_artificial_weekly_rhythm_is_flagged_no_more_often_than_chance(mean: int) -> None:
    days = [DAY + dt.timedelta(days=n) for n in range(230)]
    expected = [mean * (0.3 if day.isoweekday() > 5 else 1) for day in days]
    counts = [int(count) for count in np.random.default_rng(11).poisson(expected)]
    assert len(lead_drops(counts, days)) <= POLICY.significance * len(days[30:])
    assert len(lead_drops(counts, days, with_season=False)) > POLICY.significance * len(days[30:])

"""Holds the contract of the table `metric_watch` and the words of its states.

Leaves how a state is found to `detector`.
"""

from __future__ import annotations

from acquisition_assets.core.contracts import Contract, Kind, Rule, column
from acquisition_assets.core.pandera_import import Check

NORMAL = "normal"
WATCH = "watch"
DROP = "drop"
SPIKE = "spike"
SLOW_DECLINE = "slow_decline"
NOT_ENOUGH_DATA = "not_enough_data"
NO_DATA = "no_data"
STATES = (NORMAL, WATCH, DROP, SPIKE, SLOW_DECLINE, NOT_ENOUGH_DATA, NO_DATA)
FLAGGED = (DROP, SPIKE, SLOW_DECLINE)
JUDGED = (NORMAL, WATCH, *FLAGGED)

VALUE_DIGITS = 6
CHANGE_DECIMALS = 4
PROBABILITY_DIGITS = 6

_UNIT = "events per day (counts) or share (rates)"
_LINEAGE = ("metric_history.value", "metric_history.trials")
_JUDGED = f"state not in ('{NOT_ENOUGH_DATA}', '{NO_DATA}')"

METRIC_WATCH = Contract(
    table="metric_watch",
    grain="One row per business day, metric and channel (null: all channels).",
    key=("day", "metric", "channel"),
    columns={
        "day": column(Kind.DATE, "Business day that is judged", lineage=("metric_history.day",)),
        "metric": column(Kind.TEXT, "Name of the metric", lineage=("metric_history.metric",)),
        "channel": column(
            Kind.TEXT, "Channel of the leads; null for all", nullable=True, lineage=("metric_history.channel",)
        ),
        "observed": column(
            Kind.NUMBER,
            "What was seen in the k days that end with the day, 6 significant digits; null without data",
            Check.ge(0),
            unit=_UNIT,
            nullable=True,
            lineage=_LINEAGE,
        ),
        "expected": column(
            Kind.NUMBER,
            "What was expected of these k days, from the 56 days before them; null where nothing is judged",
            Check.ge(0),
            unit=_UNIT,
            nullable=True,
            lineage=_LINEAGE,
        ),
        "low": column(
            Kind.NUMBER,
            "Lower bound of the range that holds 95 % of such k days",
            Check.ge(0),
            unit=_UNIT,
            nullable=True,
            lineage=_LINEAGE,
        ),
        "high": column(
            Kind.NUMBER,
            "Upper bound of that range",
            Check.ge(0),
            unit=_UNIT,
            nullable=True,
            lineage=_LINEAGE,
        ),
        "change": column(
            Kind.NUMBER,
            "observed / expected - 1, 4 decimals: -0.35 is 35 % below",
            Check.ge(-1),
            unit="fraction",
            nullable=True,
            lineage=_LINEAGE,
        ),
        "k": column(
            Kind.INTEGER,
            "Days that are judged together: those of the least p value where the day is not normal, else 1",
            Check.ge(1),
            unit="days",
            nullable=True,
        ),
        "p_value": column(
            Kind.NUMBER,
            "How likely so large a change is by chance: twice the least over the windows; 1 where it is too small to "
            "be shown",
            Check.ge(0),
            Check.le(1),
            unit="probability",
            nullable=True,
            lineage=_LINEAGE,
        ),
        "q_value": column(
            Kind.NUMBER,
            "The same after Benjamini-Hochberg over all metrics, channels and directions of the day",
            Check.ge(0),
            Check.le(1),
            unit="probability",
            nullable=True,
            lineage=_LINEAGE,
        ),
        "state": column(
            Kind.TEXT,
            "drop, spike and slow_decline are flagged; watch is shown, never alerted; no_data: nothing was delivered",
            Check.isin(STATES),
        ),
        "day_observed": column(
            Kind.NUMBER,
            "What was seen on the day alone; null without data",
            Check.ge(0),
            unit=_UNIT,
            nullable=True,
            lineage=_LINEAGE,
        ),
        "day_expected": column(
            Kind.NUMBER, "What was expected of the day alone", Check.ge(0), unit=_UNIT, nullable=True, lineage=_LINEAGE
        ),
        "day_low": column(
            Kind.NUMBER,
            "Lower bound of the range that holds 95 % of such days",
            Check.ge(0),
            unit=_UNIT,
            nullable=True,
            lineage=_LINEAGE,
        ),
        "day_high": column(
            Kind.NUMBER, "Upper bound of that range", Check.ge(0), unit=_UNIT, nullable=True, lineage=_LINEAGE
        ),
    },
    rules=(
        Rule(
            "judged",
            f"({_JUDGED}) = (expected is not null and low is not null and high is not null and k is not null "
            "and p_value is not null and q_value is not null and observed is not null)",
            "a judged day, and only a judged day, has an expectation and probabilities",
        ),
        Rule(
            "no data", f"(day_observed is null) = (state = '{NO_DATA}')", "a day without data, and no other, is no_data"
        ),
        Rule("range", "low <= high and day_low <= day_high", "a range does not end before it begins"),
        Rule(
            "direction",
            f"case when state in ('{DROP}', '{SLOW_DECLINE}') then observed < expected "
            f"when state = '{SPIKE}' then observed > expected else true end",
            "a drop is below what was expected, a spike above it",
        ),
        Rule("family", "q_value >= p_value or p_value > 0.999", "the family makes no change more likely to be real"),
        Rule(
            "change of expectation",
            "change is null or expected = 0 or "
            "abs((1 + change) * expected - observed) <= 0.0001 * (expected + observed)",
            "change is observed / expected - 1, to the rounding",
        ),
    ),
)

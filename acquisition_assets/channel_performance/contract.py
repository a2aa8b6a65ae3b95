"""Holds the contracts of channel_performance, channel_costs and budget_advice, and says which published channel leads.

Leaves how they are computed to `comparison` and `money`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from acquisition_assets.core.contracts import Contract, Kind, Rule, column
from acquisition_assets.core.pandera_import import Check, pandera

ROOM = "channel_performance"
LEVELS = ("channel_class", "channel")
METRICS = ("engaged", "converted")
PERIODS = ("short", "long", "week")
VERDICTS = ("best", "worse", "not clear", "too few")
PERCENT_DECIMALS, PROBABILITY_DECIMALS, MONEY_DECIMALS, GAIN_DECIMALS = 1, 4, 2, 2

Row = Mapping[str, Any]

_CHANNEL = ("lead_activity.channel", "lead_activity.channel_class")
_LEADS = ("lead_activity.lead_id", "lead_activity.created_at")
_STATUS = ("lead_activity.status",)
_SPEND = ("raw_spend.amount", "raw_spend.currency", "raw_spend.day")


def _percent(description: str, *, nullable: bool = False) -> pandera.Column:
    return column(
        Kind.NUMBER, description, Check.ge(0), Check.le(100), unit="percent", nullable=nullable, lineage=_STATUS
    )


def _probability(description: str) -> pandera.Column:
    return column(
        Kind.NUMBER, description, Check.ge(0), Check.le(1), unit="probability", nullable=True, lineage=_STATUS
    )


def _money(description: str, *, nullable: bool = False) -> pandera.Column:
    return column(
        Kind.NUMBER, description, Check.ge(0), unit="policy's currency", nullable=nullable, lineage=(*_SPEND, *_STATUS)
    )


CHANNEL_PERFORMANCE = Contract(
    table="channel_performance",
    grain="One row per level (class or channel), channel, metric and period (two windows, and weeks of creation).",
    key=("level", "channel", "metric", "period", "period_start"),
    columns={
        "level": column(Kind.TEXT, "Whether classes or channels are compared", Check.isin(LEVELS)),
        "channel": column(Kind.TEXT, "The class or channel", lineage=_CHANNEL),
        "metric": column(Kind.TEXT, "What is counted: leads engaged, or converted", Check.isin(METRICS)),
        "period": column(Kind.TEXT, "The short or long window, or one week of cohorts", Check.isin(PERIODS)),
        "period_start": column(Kind.DATE, "First day of creation"),
        "period_end": column(Kind.DATE, "Last day of creation"),
        "leads": column(
            Kind.INTEGER,
            "Leads created in the period; for `converted` only those old enough",
            Check.ge(1),
            unit="leads",
            lineage=_LEADS,
        ),
        "successes": column(Kind.INTEGER, "Those engaged, or converted", Check.ge(0), unit="leads", lineage=_STATUS),
        "rate": _percent("successes / leads, 1 decimal"),
        "rate_low": _percent("Lower Wilson bound of the rate at the policy's confidence"),
        "rate_high": _percent("Upper Wilson bound of the rate at the policy's confidence"),
        "shrunk_rate": _percent("The rate, shrunk to the mean of all (beta-binomial, moments)", nullable=True),
        "probability_best": _probability("Probability that the channel's rate is the highest"),
        "p_value": _probability("Fisher's exact p against all others together, adjusted after Holm"),
        "verdict": column(
            Kind.TEXT, "What may be said: best, worse, not clear, too few", Check.isin(VERDICTS), nullable=True
        ),
        "leads_needed": column(
            Kind.INTEGER,
            "Leads with which a rate of the policy's ratio to that of the others would show; missing where enough",
            Check.ge(1),
            unit="leads",
            nullable=True,
        ),
    },
    rules=(
        Rule("successes among leads", "successes <= leads", "no more leads succeed than there are"),
        Rule("bounds around rate", "rate_low <= rate and rate <= rate_high", "the bounds lie around the rate"),
        Rule("weeks have no verdict", "(period = 'week') = (verdict is null)", "only windows are compared"),
        Rule(
            "too few says how many",
            "coalesce(verdict, '') <> 'too few' or coalesce(leads_needed, 0) > leads",
            "too few names the leads needed",
        ),
        Rule("period ends", "period_start <= period_end", "a period ends after it starts"),
    ),
)
CHANNEL_COSTS = Contract(
    table="channel_costs",
    grain="One row per channel with spend, and measure (lead, engaged, converted), of the long window.",
    key=("channel", "measure"),
    columns={
        "channel": column(Kind.TEXT, "The channel", lineage=_CHANNEL),
        "measure": column(Kind.TEXT, "What the cost is of", Check.isin(("lead", *METRICS))),
        "spend": _money("Money spent in the period"),
        "leads": column(Kind.INTEGER, "Leads of the period", Check.ge(0), unit="leads", lineage=_LEADS),
        "successes": column(
            Kind.INTEGER, "Leads, engaged or converted leads of the period", Check.ge(0), unit="leads", lineage=_STATUS
        ),
        "cost": _money("spend / successes, 2 decimals; missing without a success", nullable=True),
        "cost_low": _money("Lower bound of the cost at the policy's confidence; missing without leads", nullable=True),
        "cost_high": _money("Upper bound of the cost at the policy's confidence; missing if unbounded", nullable=True),
        "currency": column(Kind.TEXT, "Currency of the money", lineage=("raw_spend.currency",)),
    },
    rules=(
        Rule("bounds around cost", "cost_low <= cost and cost <= cost_high", "the bounds lie around the cost"),
        Rule("no cost without success", "(successes = 0) = (cost is null)", "there is a cost where there is a success"),
    ),
)
BUDGET_ADVICE = Contract(
    table="budget_advice",
    grain="One row per advised shift of money from one channel to another; one row that keeps where none is proved.",
    key=("from_channel", "to_channel"),
    columns={
        "from_channel": column(Kind.TEXT, "Where the money is taken from; `all` where nothing is moved"),
        "to_channel": column(Kind.TEXT, "Where it goes; `all` where nothing is moved"),
        "share": column(
            Kind.NUMBER, "Share of the week's budget that is moved", Check.ge(0), Check.le(1), unit="share"
        ),
        "amount": _money("Money moved in a week"),
        "gained": column(
            Kind.NUMBER, "Conversions gained in a week", unit="conversions", nullable=True, lineage=(*_SPEND, *_STATUS)
        ),
        "gained_low": column(Kind.NUMBER, "Lower bound of gained", unit="conversions", nullable=True),
        "gained_high": column(Kind.NUMBER, "Upper bound of gained", unit="conversions", nullable=True),
        "advice": column(Kind.TEXT, "What to do, in the language of the policy's locale"),
    },
    rules=(
        Rule(
            "proved", "share = 0 or coalesce(gained_low, 0) > 0", "money is moved only where the lower bound is above 0"
        ),
        Rule("bounds around gain", "gained_low <= gained and gained <= gained_high", "the bounds lie around the gain"),
    ),
)


class Leader(NamedTuple):
    """The row of the leading channel. is_clear: whether its verdict is best; else it "leads, not clearly"."""

    row: Row
    is_clear: bool


def leading(rows: Sequence[Row]) -> Leader | None:
    """Return the leader of the channels of one metric and window: the best one, else that of the highest shrunk rate.

    Without rows there is none.
    """
    best = next((row for row in rows if row["verdict"] == "best"), None)
    if best is not None:
        return Leader(best, True)
    ordered = sorted(rows, key=lambda row: (-row["shrunk_rate"], -row["leads"], row["channel"]))
    return Leader(ordered[0], False) if ordered else None

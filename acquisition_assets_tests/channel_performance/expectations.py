"""Holds what the tests must know of `channel_performance`: rows of its tables, and numbers of its policy.

What each field means is left to kit/expectations.py.
"""

from __future__ import annotations

import datetime as dt

from acquisition_assets_tests.kit.expectations import DAY, Expectations, Row, TableExpectations, added, without

COMPARED: Row = {
    "level": "channel",
    "channel": "linkedin",
    "metric": "engaged",
    "period": "long",
    "period_start": DAY - dt.timedelta(days=89),
    "period_end": DAY,
    "leads": 150,
    "successes": 45,
    "rate": 30.0,
    "rate_low": 23.2,
    "rate_high": 37.8,
    "shrunk_rate": 28.4,
    "probability_best": 0.97,
    "p_value": 0.0123,
    "verdict": "best",
    "leads_needed": None,
}
COST: Row = {
    "channel": "linkedin",
    "measure": "converted",
    "spend": 1000.0,
    "leads": 200,
    "successes": 10,
    "cost": 100.0,
    "cost_low": 55.83,
    "cost_high": 182.7,
    "currency": "EUR",
}
NO_COST: Row = {**COST, "channel": "email", "successes": 0, "cost": None, "cost_high": None}
SHIFT: Row = {
    "from_channel": "facebook",
    "to_channel": "linkedin",
    "share": 0.2,
    "amount": 250.0,
    "gained": 2.5,
    "gained_low": 0.4,
    "gained_high": 4.6,
    "advice": "move 250.00 EUR a week from facebook to linkedin: 2.5 conversions more",
}
KEPT: Row = {
    **SHIFT,
    "from_channel": "all",
    "to_channel": "all",
    "share": 0.0,
    "amount": 0.0,
    **dict.fromkeys(("gained", "gained_low", "gained_high")),
    "advice": "keep: the evidence is weak",
}
FEW_COMPARED: Row = {
    **COMPARED,
    "channel": "email",
    "leads": 40,
    "successes": 12,
    "verdict": "too few",
    "leads_needed": 90,
}
WEEK_COMPARED: Row = {
    **FEW_COMPARED,
    "period": "week",
    **dict.fromkeys(("shrunk_rate", "probability_best", "p_value", "verdict", "leads_needed")),
}

EXPECTATIONS = Expectations(
    tables={
        "channel_performance": TableExpectations(
            good=[COMPARED, FEW_COMPARED, WEEK_COMPARED],
            broken={
                "successes among leads": [{**WEEK_COMPARED, "successes": 41}],
                "bounds around rate": [{**COMPARED, "rate_low": 30.1}, {**COMPARED, "rate_high": 29.9}],
                "weeks have no verdict": [{**WEEK_COMPARED, "verdict": "best"}, {**COMPARED, "verdict": None}],
                "too few says how many": [
                    {**FEW_COMPARED, "leads_needed": 40},
                    {**FEW_COMPARED, "leads_needed": None},
                ],
                "period ends": [{**COMPARED, "period_end": dt.date(2000, 1, 1)}],
            },
            tampered=without("channel", "newsletter"),
            compared_in="channel_performance/test_performance_counts.py",
        ),
        "channel_costs": TableExpectations(
            good=[COST, NO_COST, {**NO_COST, "channel": "fairs", "leads": 0, "cost_low": None}],
            broken={
                "bounds around cost": [{**COST, "cost_low": 100.1}, {**COST, "cost_high": 99.9}],
                "no cost without success": [{**COST, "successes": 0}, {**COST, "cost": None}],
            },
            tampered=lambda table: added(table, spend=5.0),
            compared_in="channel_performance/test_money.py",
            is_plotted=False,
        ),
        "budget_advice": TableExpectations(
            good=[SHIFT, KEPT],
            broken={
                "proved": [{**SHIFT, "gained_low": 0.0}, {**SHIFT, "gained_low": None}],
                "bounds around gain": [{**SHIFT, "gained": 0.3}, {**SHIFT, "gained": 4.7}],
            },
            tampered=lambda table: added(table, amount=5.0),
            compared_in="channel_performance/test_money.py",
            is_plotted=False,
        ),
    },
    changes={
        "channel_performance": {
            "short_window_days": 20,
            "long_window_days": 80,
            "cohort_weeks": 10,
            "mature_days": 45,
            "confidence": 0.8,
            "significance": 1e-9,
            "power": 0.999,
            "smallest_ratio": 9.0,
            "strongest_prior_leads": 1.0,
        },
    },
    elsewhere={
        "channel_performance": (
            *("best_probability", "currency", "rates", "budget_weeks", "advice_share"),
            *("marginal_return", "advice_minimum_conversions"),
        ),
    },
)

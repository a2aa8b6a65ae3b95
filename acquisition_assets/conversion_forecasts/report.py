"""Defines the report `conversion_forecasts`, builds it from the staged forecasts, and sums it up for people.

The forecasts themselves are left to `forecast`, and when the report is written to `core.output`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import Field, model_validator

from acquisition_assets.conversion_forecasts.contract import CANDIDATES, CONVERSION_FORECASTS, METHODS, ROOM
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.reports import Report
from acquisition_assets.core.sections import Part, Section
from acquisition_assets.core.words import words_of

if TYPE_CHECKING:
    from acquisition_assets.core.step import Step

TASK = CONVERSION_FORECASTS.table
Count = Annotated[int, Field(ge=0)]
Number = Annotated[float, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]
Method = Literal["learned", "learned_small", "base_rate", "none"]
Priority = Literal["act_now", "nurture", "low"]
DECIMALS = 4
ONE_DECIMAL = "#,##0.0"


class ReportedForecast(Report):
    """A lead with a high forecast."""

    lead_id: str
    forecast_probability: Probability
    forecast_low: Probability
    forecast_high: Probability
    lift: Number
    priority: Priority
    top_factors: list[str]


class PriorityTotal(Report):
    """The leads of one priority, and the conversions expected among them."""

    leads: Count
    expected_conversions: Number


class ForecastReport(Report):
    """The day's forecasts in totals, how they were made, and the leads with the highest ones."""

    method: Method
    horizon_days: Annotated[int, Field(ge=1)]
    total_leads: Count
    expected_conversions: Number | None
    base_rate: Probability | None
    missing_conversions: Count
    training_rows: Count
    training_conversions: Count
    gate_passed: bool
    gate_reason: str
    priorities: dict[Priority, PriorityTotal]
    forecasts: list[ReportedForecast]

    @model_validator(mode="after")
    def _adds_up(self) -> ForecastReport:
        if (self.method == "none") != (self.expected_conversions is None):
            raise ValueError("expected_conversions must be missing with the method none, and only then")
        if self.priorities and sum(one.leads for one in self.priorities.values()) != self.total_leads:
            raise ValueError("total_leads must be the sum of the priorities' leads")
        return self


def forecast_report(step: Step, policy: ForecastPolicy, length: int) -> ForecastReport:
    """Return the report of the staged forecasts, with this many leads at most."""
    (day,) = step.session.query("select * from trained_day").to_pylist()
    gates = step.session.query("select candidate, gate_passed from trained_quality").to_pylist()
    totals = step.query("conversion_forecasts/priorities").to_pylist()
    known = {row["priority"]: row for row in totals if row["priority"] is not None}
    expected = [row["expected_conversions"] for row in known.values()]
    has_forecast = day["method"] != METHODS[-1]
    return ForecastReport(
        method=day["method"],
        horizon_days=policy.horizon_days,
        total_leads=sum(row["leads"] for row in totals),
        expected_conversions=round(sum(expected), DECIMALS) if has_forecast else None,
        base_rate=day["base_rate"],
        missing_conversions=day["missing_conversions"],
        training_rows=day["training_rows"],
        training_conversions=day["training_conversions"],
        gate_passed=any(row["gate_passed"] for row in gates if row["candidate"] == CANDIDATES[0]),
        gate_reason=day["gate_reason"],
        priorities={
            name: PriorityTotal(
                leads=known[name]["leads"], expected_conversions=round(known[name]["expected_conversions"], DECIMALS)
            )
            for name in get_args(Priority)
            if name in known
        },
        forecasts=[
            ReportedForecast(**row)
            for row in step.query("conversion_forecasts/report_leads", {"length": length}).to_pylist()
            if has_forecast
        ],
    )


def summary(report: ForecastReport, locale: Locale) -> Section:
    """Return the report as a section for people: how forecasts were made, what to expect, and of whom."""
    words = words_of(ROOM, locale)
    parts: list[Part] = [words(f"method.{report.method}")]
    if report.expected_conversions is None:
        missing = report.missing_conversions
        parts.append(words("missing", conversions=missing) if missing else words("too_early"))
        return Section(words("title.none"), parts)
    expected = words.writing.decimal(report.expected_conversions, ONE_DECIMAL)
    leads = words("of_leads", leads=report.total_leads)
    parts.append(words("expected", conversions=expected, days=report.horizon_days, leads=leads))
    urgent = report.priorities.get("act_now")
    if urgent and report.method != "base_rate":
        conversions = words.writing.decimal(urgent.expected_conversions, ONE_DECIMAL)
        parts.append(words("urgent", leads=urgent.leads, conversions=conversions))
    return Section(words("title"), parts)

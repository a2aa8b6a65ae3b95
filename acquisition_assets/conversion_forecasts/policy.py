"""Types the policy's section `conversion_forecasts`: horizons, the model, its gate, and the evidence of the rules.

Leaves what the numbers do to the modules that take them (outcomes, design, fit, gate, quality, forecast, evidence).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from acquisition_assets.core.policy import Count, Days, Section, Share

Positive = Annotated[float, Field(gt=0, le=1e6)]
OpenShare = Annotated[float, Field(gt=0, lt=1)]
Few = Annotated[int, Field(ge=1, le=1000)]
Rows = Annotated[int, Field(ge=100, le=10_000_000)]


class EvidencePolicy(Section):
    """How the rules are compared with what happened: weeks, bands of the score, and what is too few."""

    weeks: Few
    band_points: Annotated[int, Field(ge=1, le=100)]
    minimum_leads: Few
    minimum_conversions: Few


class ForecastPolicy(Section):
    """What a forecast promises, what it learns from, and what it must prove."""

    horizon_days: Days
    step_days: Days
    maximum_cutoffs: Annotated[int, Field(ge=1, le=520)]
    first_lead_days: Days
    undated_open_days: Days
    maximum_rows: Rows
    maximum_events: Annotated[int, Field(ge=10_000, le=1_000_000_000)]
    slice_rows: Rows
    inverse_penalty: Positive
    clip_deviations: Positive
    category_prior_rows: Positive
    category_folds: Annotated[int, Field(ge=2, le=20)]
    leak_auc: Annotated[float, Field(gt=0.5, le=1)]
    validation_weeks: Few
    rare_validation_weeks: Few
    rare_base_rate: Share
    gate_conversions: Few
    gate_quantile: OpenShare
    bootstrap_draws: Annotated[int, Field(ge=20, le=100_000)]
    seed: Count
    failing_days: Few
    lookback_days: Days
    minimum_conversions: Few
    small_conversions: Few
    full_conversions: Few
    confidence: OpenShare
    calibration_bins: Annotated[int, Field(ge=2, le=100)]
    lift_share: OpenShare
    act_now_share: OpenShare
    nurture_share: OpenShare
    top_factors: Few
    evidence: EvidencePolicy

    @model_validator(mode="after")
    def _ordered(self) -> ForecastPolicy:
        if not self.minimum_conversions <= self.small_conversions <= self.full_conversions:
            raise ValueError("minimum_conversions <= small_conversions <= full_conversions must hold")
        if self.act_now_share >= self.nurture_share:
            raise ValueError("act_now_share must be below nurture_share")
        if self.validation_weeks > self.rare_validation_weeks:
            raise ValueError("validation_weeks must not be above rare_validation_weeks")
        if self.failing_days > self.lookback_days:
            raise ValueError("failing_days must not be above lookback_days")
        return self

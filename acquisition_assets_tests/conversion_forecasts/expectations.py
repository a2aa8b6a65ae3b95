"""Holds what the tests must know of `conversion_forecasts`: rows, numbers of its policy, keys of its reports.

What each field means is left to kit/expectations.py.
"""

from __future__ import annotations

from acquisition_assets.conversion_forecasts.contract import CONVERSION_FORECASTS, FORECAST_QUALITY
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy
from acquisition_assets.core.contracts import Contract, Kind
from acquisition_assets_tests.kit.expectations import Expectations, Row, TableExpectations, added, without


def _missing(contract: Contract, row: Row) -> Row:
    """Return a row without what may be missing."""
    return {**row, **{name: None for name, spec in contract.columns.items() if spec.nullable}}


FORECAST: Row = {
    "lead_id": "ana",
    "forecast_probability": 0.25,
    "forecast_low": 0.2,
    "forecast_high": 0.3,
    "method": "learned",
    "rank": 1,
    "lift": 2.5,
    "priority": "act_now",
    "top_factors": ["deliveries opened 3 (+0.42)"],
}
NO_FORECAST: Row = {
    **_missing(CONVERSION_FORECASTS, FORECAST),
    "lead_id": "bea",
    "method": "none",
    "rank": 2,
    "top_factors": [],
}
QUALITY: Row = {
    **{name: 0.5 for name in FORECAST_QUALITY.columns if FORECAST_QUALITY.kind(name) is Kind.NUMBER},
    "candidate": "learned",
    "rows": 100,
    "conversions": 10,
    "training_rows": 1000,
    "training_conversions": 90,
    "gate_passed": True,
    "gate_reason": "gain over the base rate beyond chance",
    "is_published": True,
    "is_approximate": False,
    "refused_features": ["clicked_events"],
    "fingerprint": "00",
}
NO_QUALITY: Row = {
    **_missing(FORECAST_QUALITY, QUALITY),
    "candidate": "points",
    "gate_passed": False,
    "is_published": False,
}

EXPECTATIONS = Expectations(
    tables={
        "conversion_forecasts": TableExpectations(
            good=[FORECAST, NO_FORECAST],
            broken={
                "interval holds the forecast": [
                    {**FORECAST, "forecast_low": 0.26},
                    {**FORECAST, "forecast_high": 0.24},
                ],
                "none has no forecast": [{**FORECAST, "method": "none"}, {**NO_FORECAST, "method": "learned"}],
                "priority needs a forecast": [{**FORECAST, "priority": None}, {**NO_FORECAST, "priority": "low"}],
            },
            tampered=without("lead_id", "mudo"),
            compared_in="conversion_forecasts/test_forecast_rows.py",
        ),
        "forecast_quality": TableExpectations(
            good=[QUALITY, NO_QUALITY],
            tampered=lambda table: added(table, training_rows=1),
            compared_in="conversion_forecasts/test_forecast_quality.py",
        ),
    },
    elsewhere={"conversion_forecasts": tuple(ForecastPolicy.model_fields)},
    lists={"forecasts": ("conversion_forecasts", "forecasts")},
    report_keys={
        "conversion_forecasts": {
            *("method", "horizon_days", "total_leads", "expected_conversions", "base_rate", "missing_conversions"),
            *("training_rows", "training_conversions", "gate_passed", "gate_reason", "priorities", "forecasts"),
        },
        "forecast_quality": {
            *("gate_passed", "gate_reason", "validation_rows", "validation_conversions", "training_rows"),
            *("training_conversions", "is_approximate", "refused_features", "fingerprint", "candidates"),
        },
    },
)

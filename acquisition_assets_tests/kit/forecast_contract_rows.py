"""Holds rows that keep the contracts of the forecasts, and rows that break each rule across columns.

Leaves rows that break a rule of one column to test_contracts.py, which makes them from the contracts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acquisition_assets.conversion_forecasts.contract import (
    CONVERSION_FORECASTS,
    FORECAST_QUALITY,
    RULE_EVIDENCE,
)
from acquisition_assets.core.contracts import Contract, Kind

Row = Mapping[str, Any]


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
EVIDENCE: Row = {
    "rule_kind": "segment",
    "rule": "at_risk",
    "leads": 100,
    "conversions": 10,
    "rate": 0.1,
    "rate_low": 0.05,
    "rate_high": 0.2,
    "other_rate": 0.2,
    "lift": 0.5,
    "verdict": "not_clear",
}
NO_EVIDENCE: Row = {**_missing(RULE_EVIDENCE, EVIDENCE), "rule": "quick_responders", "leads": 0, "conversions": 0}

GOOD: dict[str, Sequence[Row]] = {
    "conversion_forecasts": [FORECAST, NO_FORECAST],
    "forecast_quality": [QUALITY, NO_QUALITY],
    "rule_evidence": [EVIDENCE, NO_EVIDENCE],
}
BROKEN: dict[str, dict[str, Sequence[Row]]] = {
    "conversion_forecasts": {
        "interval holds the forecast": [{**FORECAST, "forecast_low": 0.26}, {**FORECAST, "forecast_high": 0.24}],
        "none has no forecast": [{**FORECAST, "method": "none"}, {**NO_FORECAST, "method": "learned"}],
        "priority needs a forecast": [{**FORECAST, "priority": None}, {**NO_FORECAST, "priority": "low"}],
    },
    "rule_evidence": {
        "conversions are leads": [{**EVIDENCE, "conversions": 101}],
        "interval holds the rate": [{**EVIDENCE, "rate_low": 0.11}, {**EVIDENCE, "rate_high": 0.09}],
    },
}

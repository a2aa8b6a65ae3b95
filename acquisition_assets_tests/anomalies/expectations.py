"""Holds what the tests must know of `anomalies`: rows, numbers of its policy, keys of its reports.

What each field means is left to kit/expectations.py.
"""

from __future__ import annotations

import datetime as dt

from acquisition_assets_tests.kit.expectations import DAY, Expectations, Row, TableExpectations, without

WINDOW = {"window_start": DAY - dt.timedelta(days=2), "window_end": DAY}
WORDS = {"message": "Algo pasó", "recommendation": "Revisar"}
NONE = dict.fromkeys(("baseline", "seasonal_baseline", "change", "p_value", "affected_leads"))
DROP: Row = {
    "type": "engagement_drop",
    "severity": "high",
    **WORDS,
    **NONE,
    "observed": 18.5,
    "baseline": 28.33,
    "seasonal_baseline": 30.0,
    "change": -0.3471,
    "p_value": 0.00671,
    **WINDOW,
}
FRAUD: Row = {**DROP, **NONE, "type": "high_fraud_rate", "observed": 27.27, "baseline": 20.0, "change": 0.3636}
FEW_LEADS: Row = {
    **DROP,
    "type": "lead_generation_drop",
    "severity": "medium",
    "observed": 4.33,
    "baseline": 13.33,
    "seasonal_baseline": None,
    "change": -0.675,
}
SILENT: Row = {
    **DROP,
    **NONE,
    "type": "unusual_behavior",
    "severity": "medium",
    "observed": 5.0,
    "affected_leads": 5,
}

EXPECTATIONS = Expectations(
    tables={
        "anomalies": TableExpectations(
            good=[DROP, FRAUD, FEW_LEADS, SILENT],
            also_good=[
                {**DROP, "seasonal_baseline": None},
                {**FRAUD, "observed": 20.0, "change": 0.0001},
                {**FRAUD, "observed": 5.0, "baseline": 0.0, "change": None},
                {**FEW_LEADS, "observed": 0.0, "change": -1.0},
                {**DROP, "observed": 0.0, "baseline": 0.01, "change": -0.6667},
            ],
            broken={
                "severity of type": [{**FEW_LEADS, "severity": "high"}, {**DROP, "severity": "medium"}],
                "words": [{**DROP, "message": " "}, {**DROP, "recommendation": ""}],
                "affected leads": [
                    {**DROP, "affected_leads": 5},
                    {**SILENT, "affected_leads": 4},
                    {**SILENT, "affected_leads": None},
                ],
                "p_value of drops": [{**FEW_LEADS, "p_value": None}, {**FRAUD, "p_value": 0.01}],
                "season of drops": [{**FRAUD, "seasonal_baseline": 20.0}],
                "baseline of type": [
                    {**SILENT, "baseline": 4.0, "change": 0.25},
                    {**FRAUD, "baseline": None, "change": None},
                ],
                "rates in percent": [
                    {**FRAUD, "observed": 100.01, "change": 4.0005},
                    {**DROP, "seasonal_baseline": 100.01},
                ],
                "direction": [
                    {**DROP, "seasonal_baseline": 18.0},
                    {**DROP, "observed": 29.0, "change": 0.0237},
                    {**FRAUD, "observed": 19.99, "change": -0.0005},
                ],
                "change of baseline": [
                    {**DROP, "change": -0.36},
                    {**FRAUD, "change": None},
                    {**SILENT, "change": 0.1},
                ],
                "window": [{**DROP, "window_start": DAY + dt.timedelta(days=1)}],
            },
            tampered=without("type", "high_fraud_rate"),
            not_in_reference=("message",),
            rounded={"observed": 2, "baseline": 2, "seasonal_baseline": 2, "change": 4},
        ),
    },
    changes={
        "anomalies": {
            "window_days": 1,
            "season_weeks": 2,
            "significance": 1e-30,
            "engagement_drop_percent": 90.0,
            "engagement_minimum_deliveries": 100_000,
            "fraud_days": 60,
            "fraud_percent": 90.0,
            "fraud_minimum_referrals": 1000,
            "lead_drop_percent": 90.0,
            "lead_minimum": 1000,
            "silent_days": 3,
            "silent_deliveries": 12,
        },
    },
    report_keys={
        "anomaly_detection": {"anomalies", "total_detected", "high_severity", "medium_severity"},
    },
)

"""Protects the keys and values of the published report `anomaly_detection`."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pydantic import ValidationError

from acquisition_assets.anomalies.contract import ANOMALIES
from acquisition_assets.anomalies.report import AnomalyReport, anomaly_report

DAY = dt.date(2026, 3, 31)
ROW = {
    "type": "engagement_drop",
    "severity": "high",
    "message": "Caída significativa en engagement rate: 18.5% vs 28.3% promedio anterior",
    "recommendation": "Revisar contenido y timing de envíos",
    "observed": 18.5,
    "baseline": 28.3,
    "seasonal_baseline": None,
    "change": -0.3463,
    "p_value": 0.001,
    "affected_leads": None,
    "window_start": DAY,
    "window_end": DAY,
}
SILENT = {
    **ROW,
    "type": "unusual_behavior",
    "severity": "medium",
    "message": "5 leads recibieron 10+ emails sin abrir ninguno",
    "recommendation": "Revisar calidad de emails y considerar pausar envíos",
    "observed": 5.0,
    "baseline": None,
    "change": None,
    "p_value": None,
    "affected_leads": 5,
}
# The example in the document.
DOCUMENT: dict[str, Any] = {
    "anomalies": [
        {
            "type": "engagement_drop",
            "severity": "high",
            "message": "Caída significativa en engagement rate: 18.5% vs 28.3% promedio anterior",
            "recommendation": "Revisar contenido y timing de envíos",
        },
        {
            "type": "unusual_behavior",
            "severity": "medium",
            "message": "5 leads recibieron 10+ emails sin abrir ninguno",
            "recommendation": "Revisar calidad de emails y considerar pausar envíos",
            "affected_leads": 5,
        },
    ],
    "total_detected": 2,
    "high_severity": 1,
    "medium_severity": 1,
}


def frames(*rows: dict[str, Any]) -> list[pd.DataFrame]:
    """Return the rows as an Arrow-backed frame, as the lake gives it, and as a plain one."""
    table = pa.Table.from_pylist(list(rows), schema=ANOMALIES.arrow_schema)
    return [ANOMALIES.to_frame(table), table.to_pandas()]


def test_the_example_of_the_document() -> None:
    for frame in frames(ROW, SILENT):
        published = anomaly_report(frame).model_dump_json()
        assert json.loads(published) == DOCUMENT
        assert AnomalyReport.model_validate_json(published) == anomaly_report(frame)


def test_a_day_without_anomalies() -> None:
    for frame in frames():
        assert anomaly_report(frame).model_dump() == {
            "anomalies": [],
            "total_detected": 0,
            "high_severity": 0,
            "medium_severity": 0,
        }


@pytest.mark.parametrize(
    "change",
    [
        {"total": 2},
        {"total_detected": 3},
        {"high_severity": 2},
        {"medium_severity": "1"},
        {"anomalies": [DOCUMENT["anomalies"][0]]},
        {"anomalies": [{**entry, "affected_leads": 5} for entry in DOCUMENT["anomalies"]]},
        {"anomalies": [{**entry, "affected_leads": None} for entry in DOCUMENT["anomalies"]]},
        {"anomalies": [{**entry, "type": "storm"} for entry in DOCUMENT["anomalies"]]},
        {"anomalies": [{**entry, "severity": "low"} for entry in DOCUMENT["anomalies"]]},
        {"anomalies": [{**entry, "message": ""} for entry in DOCUMENT["anomalies"]]},
    ],
)
def test_anything_else_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AnomalyReport.model_validate_json(json.dumps({**DOCUMENT, **change}))


@pytest.mark.parametrize("key", DOCUMENT)
def test_a_missing_key_is_refused(key: str) -> None:
    with pytest.raises(ValidationError):
        AnomalyReport.model_validate_json(json.dumps({k: v for k, v in DOCUMENT.items() if k != key}))


def test_a_report_is_immutable() -> None:
    with pytest.raises(ValidationError):
        anomaly_report(frames(ROW)[0]).total_detected = 7

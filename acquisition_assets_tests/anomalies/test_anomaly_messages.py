"""Protects the texts of anomalies in both languages."""

from __future__ import annotations

import pytest

from acquisition_assets.anomalies.contract import SEVERITIES
from acquisition_assets.anomalies.messages import comparison_message, recommendation, silence_message
from acquisition_assets.core.policy import Locale


@pytest.mark.parametrize(
    ("locale", "kind", "observed", "baseline", "counts", "expected"),
    [
        (
            "es",
            "engagement_drop",
            18.5,
            28.3333,
            {},
            "Caída significativa en engagement rate: 18.5% vs 28.3% promedio anterior",
        ),
        (
            "en",
            "engagement_drop",
            18.45,
            30,
            {},
            "Significant drop in engagement rate: 18.5% vs 30.0% previous average",
        ),
        (
            "es",
            "high_fraud_rate",
            25,
            20,
            {"fraud": 3, "referrals": 12},
            "Tasa de fraude alta en referidos: 25.0% (3 de 12) vs 20.0% límite",
        ),
        (
            "en",
            "high_fraud_rate",
            25,
            20,
            {"fraud": 3, "referrals": 12},
            "High fraud rate in referrals: 25.0% (3 of 12) vs 20.0% limit",
        ),
        (
            "es",
            "lead_generation_drop",
            4,
            12.34999999999,
            {},
            "Caída significativa en generación de leads: 4.0 leads por día vs 12.4 promedio anterior",
        ),
        (
            "en",
            "lead_generation_drop",
            0,
            12.3,
            {},
            "Significant drop in lead generation: 0.0 leads per day vs 12.3 previous average",
        ),
    ],
)
def test_comparisons(
    locale: Locale, kind: str, observed: float, baseline: float, counts: dict[str, int], expected: str
) -> None:
    assert comparison_message(locale, kind, observed, baseline, **counts) == expected


@pytest.mark.parametrize(
    ("locale", "leads", "deliveries", "expected"),
    [
        ("es", 5, 10, "5 leads recibieron 10+ emails sin abrir ninguno"),
        ("es", 1, 12, "1 lead recibió 12+ emails sin abrir ninguno"),
        ("en", 5, 10, "5 leads received 10+ emails without opening any"),
        ("en", 1, 10, "1 lead received 10+ emails without opening any"),
    ],
)
def test_silence(locale: Locale, leads: int, deliveries: int, expected: str) -> None:
    assert silence_message(locale, leads, deliveries) == expected


def test_the_recommendations_match_the_document() -> None:
    assert [recommendation("es", kind) for kind in SEVERITIES] == [
        "Revisar contenido y timing de envíos",
        "Revisar y fortalecer validaciones anti-fraude",
        "Revisar canales de adquisición y campañas",
        "Revisar calidad de emails y considerar pausar envíos",
    ]

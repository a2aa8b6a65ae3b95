"""Holds what the tests must know of `rule_evidence`: rows and the keys of its report.

What each field means is left to kit/expectations.py.
"""

from __future__ import annotations

import pyarrow as pa

from acquisition_assets.conversion_forecasts.contract import RULE_EVIDENCE
from acquisition_assets_tests.kit.expectations import Expectations, Row, TableExpectations

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
NOTHING: Row = {name: None for name, spec in RULE_EVIDENCE.columns.items() if spec.nullable}
NO_EVIDENCE: Row = {**EVIDENCE, **NOTHING, "rule": "quick_responders", "leads": 0, "conversions": 0}
CHANNEL_EVIDENCE: Row = {**EVIDENCE, "rule_kind": "channel", "rule": "newsletter"}

EXPECTATIONS = Expectations(
    tables={
        "rule_evidence": TableExpectations(
            good=[EVIDENCE, NO_EVIDENCE],
            broken={
                "conversions are leads": [{**EVIDENCE, "conversions": 101}],
                "interval holds the rate": [{**EVIDENCE, "rate_low": 0.11}, {**EVIDENCE, "rate_high": 0.09}],
            },
            tampered=lambda table: pa.Table.from_pylist([CHANNEL_EVIDENCE], schema=table.schema),
            compared_in="rule_evidence/test_rule_evidence.py",
        ),
    },
    report_keys={
        "rule_evidence": {"evidence_days", "verdicts", "rules"},
    },
)

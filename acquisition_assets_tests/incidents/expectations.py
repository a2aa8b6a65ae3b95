"""Holds what the tests must know of `incidents`: rows of its table, and the section of its policy.

What each field means is left to kit/expectations.py.
"""

from __future__ import annotations

import datetime as dt

from acquisition_assets.incidents.policy import IncidentPolicy
from acquisition_assets_tests.kit.expectations import DAY, Expectations, Row, TableExpectations, without

NULLS = ("acknowledged_until", "alerted_on", "alerted_change", "alerted_severity")

OPENED: Row = {
    "id": "new_leads:linkedin:drop:2026-03-29",
    "metric": "new_leads",
    "channel": "linkedin",
    "direction": "drop",
    "kind": "drop",
    "severity": "high",
    "opened_on": DAY - dt.timedelta(days=2),
    "last_seen_on": DAY,
    "resolved_on": None,
    "days": 3,
    "quiet_days": 0,
    "worst_change": -0.75,
    "observed": 5.0,
    "expected": 20.0,
    "affected_leads": 5,
    "status": "open",
    "parent": "new_leads:all:drop:2026-03-28",
    "acknowledged_until": DAY,
    "alerted_on": DAY - dt.timedelta(days=2),
    "alerted_change": -0.7,
    "alerted_severity": "medium",
    "title": "New leads from linkedin 75 % below expected, day 3",
    "message": "New leads from linkedin: 5 a day, 20 expected. Since 2026-03-29",
    "recommendation": "Review acquisition channels and campaigns",
}
ENDED: Row = {
    **OPENED,
    **dict.fromkeys((*NULLS, "channel", "worst_change", "affected_leads", "parent", "observed", "expected")),
    "id": "events:all:quarantine:2026-03-20",
    "metric": "events",
    "direction": "quarantine",
    "kind": "quarantine",
    "severity": "medium",
    "opened_on": DAY - dt.timedelta(days=11),
    "last_seen_on": DAY - dt.timedelta(days=9),
    "resolved_on": DAY - dt.timedelta(days=6),
    "quiet_days": 3,
    "status": "resolved",
}

EXPECTATIONS = Expectations(
    tables={
        "incidents": TableExpectations(
            good=[OPENED, ENDED],
            broken={
                "resolved": [{**OPENED, "status": "resolved"}, {**ENDED, "status": "open"}],
                "order of days": [{**ENDED, "opened_on": DAY}, {**ENDED, "last_seen_on": DAY}],
                "words": [{**OPENED, "title": " "}, {**OPENED, "message": ""}, {**OPENED, "recommendation": " "}],
                "no own parent": [{**OPENED, "parent": OPENED["id"]}],
                "alerted": [
                    {**OPENED, "alerted_severity": None},
                    {**OPENED, "alerted_on": DAY - dt.timedelta(days=3)},
                ],
            },
            tampered=without("kind", "high_fraud_rate"),
            compared_in="incidents/test_incident_lifecycle.py",
        ),
    },
    elsewhere={"incidents": tuple(IncidentPolicy.model_fields)},  # the tests of the lifecycle cover them
)

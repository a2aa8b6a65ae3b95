"""Classifies the distinct channel fields of leads for the computations by hand, a row at a time.

The rules are left to the package's pure functions, as everything that works on few rows is.
"""

from __future__ import annotations

import pyarrow as pa

from acquisition_assets.channels.classify import ANSWERS, Classifier
from acquisition_assets.channels.reduce import reduce_lead
from acquisition_assets.policy import Policy

FIELDS = ("source", "utm_source", "utm_medium", "utm_campaign", "referrer_url", "landing_url", "click_ids")


def channel_rows(distinct: pa.Table, policy: Policy) -> pa.Table:
    """Return distinct rows of `FIELDS` with the columns of `ANSWERS`."""
    classifier = Classifier(policy.channels, policy.platforms)
    rows = distinct.select(list(FIELDS)).to_pylist()
    found = [classifier.classify(**reduce_lead(policy.channels, **row)) for row in rows]
    for name in ANSWERS:
        distinct = distinct.append_column(name, pa.array([getattr(each, name) for each in found], pa.string()))
    return distinct

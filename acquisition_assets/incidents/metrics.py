"""Names what incidents know of metrics: the table that each comes from, its rule of the document, and what explains it.

Leaves their words to `messages` and their values to the table `metric_history`.
"""

from __future__ import annotations

from acquisition_assets.features.contract import (
    BOUNCED,
    COMPLAINED,
    COUNTS_OF_TABLE,
    DELIVERIES_SENT,
    MACHINE_OPENS,
    NEW_LEADS,
    OPENED,
    RATES,
    REFERRALS_FRAUD,
    UNSUBSCRIBED,
)

LEADS, EVENTS, REFERRALS = COUNTS_OF_TABLE
ALL_LEADS = NEW_LEADS
OPEN_RATE = "open_rate"
FRAUD_RATE = "fraud_rate"
UNUSUAL_BEHAVIOR = "unusual_behavior"
UNWANTED = frozenset({UNSUBSCRIBED, BOUNCED, COMPLAINED, MACHINE_OPENS, REFERRALS_FRAUD})
"""Counts that do no harm when they fall; fraud is found days after the referral, so its last days are too low."""

_SOURCES = {
    UNUSUAL_BEHAVIOR: EVENTS,
    **{name: table for table, names in COUNTS_OF_TABLE.items() for name in names},
    **{rate: table for rate, (part, _) in RATES.items() for table, names in COUNTS_OF_TABLE.items() if part in names},
}


def source_of(metric: str) -> str | None:
    """Return the input table of a metric, None for a metric that is not known."""
    return _SOURCES.get(metric)


def is_rate(metric: str) -> bool:
    """Return whether a metric is a share of trials."""
    return metric in RATES


def is_unwanted(metric: str) -> bool:
    """Return whether fewer of a metric is no problem."""
    return metric in UNWANTED or (is_rate(metric) and RATES[metric][0] in UNWANTED)


def explained_by(metric: str, *, is_drop: bool) -> tuple[str, ...]:
    """Return the metrics whose change in the same direction explains that of a count of all channels.

    A rate explains its successes, and fewer deliveries explain fewer of what comes of them.
    """
    rates = tuple(rate for rate, (part, _) in RATES.items() if part == metric)
    return (*rates, DELIVERIES_SENT) if metric == OPENED and is_drop else rates

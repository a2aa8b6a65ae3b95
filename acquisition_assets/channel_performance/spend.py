"""Gives spend the channels that leads have, and its business days.

What it costs to win leads, and where money should go, is left to `money`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from acquisition_assets.channels.classify import Classifier
from acquisition_assets.channels.policy import ChannelPolicy, PlatformPolicy
from acquisition_assets.channels.reduce import reduce_lead
from acquisition_assets.core.days import day_of

COLUMNS = ("day", "channel", "amount", "currency")
PAID_MEDIUM = "cpc"
"""The medium of a campaign that money is spent on, as `spend` has none."""
NOON = dt.timedelta(hours=12)
"""Added to the midnight of a date, so that it stays the same date in other time zones."""


def classified_spend(
    rows: Sequence[Mapping[str, Any]], channels: ChannelPolicy, platforms: PlatformPolicy, tz: ZoneInfo
) -> pd.DataFrame:
    """Return the spend with the columns day, channel, amount and currency, one row for each given.

    A channel counts as a lead's source does; without one, utm_source and utm_campaign do, with a paid medium.

    Args:
        rows: spent_at, channel, utm_source, utm_campaign, amount and currency of each payment.
        channels: the policy's channels.
        platforms: the policy's platforms.
        tz: the business time zone.
    """
    classifier = Classifier(channels, platforms)
    found = [
        (day_of(row["spent_at"] + NOON, tz), _channel(classifier, channels, row), row["amount"], row["currency"])
        for row in rows
    ]
    frame: pd.DataFrame = pd.DataFrame(found, columns=list(COLUMNS))
    return frame


def _channel(classifier: Classifier, channels: ChannelPolicy, row: Mapping[str, Any]) -> str:
    if row["channel"] is not None:
        fields = reduce_lead(channels, source=row["channel"])
    else:
        fields = reduce_lead(
            channels, utm_source=row["utm_source"], utm_medium=PAID_MEDIUM, utm_campaign=row["utm_campaign"]
        )
    return classifier.classify(**fields).channel

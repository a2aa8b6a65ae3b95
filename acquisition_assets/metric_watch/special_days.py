"""Lists the days that the policy calls holidays: its own dates, and the public holidays of a country.

Leaves what is done with such days to `expectations`.
"""

from __future__ import annotations

import datetime as dt

import holidays

from acquisition_assets.core.errors import InputError
from acquisition_assets.metric_watch.policy import HolidayPolicy


def special_days(policy: HolidayPolicy, first: dt.date, last: dt.date) -> frozenset[dt.date]:
    """Return the listed days from first to last, both included.

    Raises:
        InputError: the country or its region is not known to the package `holidays`.
    """
    days = {day for day in policy.dates if first <= day <= last}
    if policy.country is not None:
        years = range(first.year, last.year + 1)
        try:
            public = holidays.country_holidays(policy.country, subdiv=policy.region, years=years)
        except NotImplementedError as error:
            place = policy.country if policy.region is None else f"{policy.country}, region {policy.region}"
            raise InputError(
                f"policy metric_watch.holidays: there are no holidays of {place}; "
                "name a country by its ISO code of two letters, such as ES, or list dates"
            ) from error
        days |= {day for day in public if first <= day <= last}
    return frozenset(days)

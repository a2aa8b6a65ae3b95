"""Decides at which past instants a model learns: cut-offs, and which of them train, validate, or serve as evidence.

Leaves the rows at these cut-offs and their labels to sql/conversion_forecasts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa

from acquisition_assets.conversion_forecasts.policy import ForecastPolicy

MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class Split:
    """Cut-offs by number (0 is the newest): those that the gate validates on, and the older ones it trains on."""

    training: tuple[int, ...]
    validation: tuple[int, ...]


def cutoffs(
    end: dt.datetime,
    first_created_at: dt.datetime | None,
    first_converted_at: dt.datetime | None,
    policy: ForecastPolicy,
) -> tuple[dt.datetime, ...]:
    """Return the cut-offs with complete labels, the newest first.

    They lie a horizon before T and then a step apart (days of 24 hours), as long as they are neither before the first
    conversion nor within `first_lead_days` of the first lead.

    Args:
        end: T.
        first_created_at: the first creation of a lead; None without any.
        first_converted_at: the first conversion with a time; None without any.
        policy: horizon, step and limits.
    """
    if first_created_at is None or first_converted_at is None:
        return ()
    earliest = max(first_created_at + dt.timedelta(days=policy.first_lead_days), first_converted_at)
    newest = end - dt.timedelta(days=policy.horizon_days)
    places = (newest - place * dt.timedelta(days=policy.step_days) for place in range(policy.maximum_cutoffs))
    return tuple(place for place in places if place >= earliest)


def cutoff_table(instants: Sequence[dt.datetime]) -> pa.Table:
    """Return the relation `cutoffs` that the SQL reads: cut (0 is the newest) and cut_at."""
    return pa.table(
        {
            "cut": pa.array(range(len(instants)), pa.int64()),
            "cut_at": pa.array(instants, pa.timestamp("us", tz="UTC")),
        }
    )


def split(count: int, weeks: int, policy: ForecastPolicy) -> Split:
    """Return the cut-offs of the gate: the newest `weeks` validate; those whose horizon ends before them train.

    Args:
        count: how many cut-offs there are.
        weeks: how many of them validate.
        policy: horizon and step.
    """
    validation = tuple(range(min(weeks, count)))
    if not validation:
        return Split((), ())
    gap = -(-policy.horizon_days // policy.step_days)
    return Split(tuple(range(validation[-1] + gap, count)), validation)


def parameters(
    end: dt.datetime, instants: Sequence[dt.datetime], maximum_rows: int, policy: ForecastPolicy
) -> dict[str, object]:
    """Return the parameters that the SQL of the training rows names besides the windows of the features.

    Args:
        end: T.
        instants: the cut-offs, the newest first.
        maximum_rows: how many training rows are drawn at most (`sample_size`).
        policy: horizon and step.
    """
    day = dt.timedelta(days=1) // MICROSECOND
    return {
        "end_at": end,
        "newest_cut_at": instants[0] if instants else end,
        "cuts": len(instants),
        "step_us": policy.step_days * day,
        "horizon_us": policy.horizon_days * day,
        "undated_open_us": policy.undated_open_days * day,
        "maximum_rows": maximum_rows,
    }


def slices(rows: int, policy: ForecastPolicy) -> list[tuple[int, int]]:
    """Return the first and last row number of each slice of the rows that are scored, which are numbered from 1."""
    step = policy.slice_rows
    return [(first, min(first + step - 1, rows)) for first in range(1, rows + 1, step)]


def sample_size(leads: int, events: int, policy: ForecastPolicy) -> int:
    """Return how many training rows are drawn at most: `maximum_rows`, fewer where leads have very many events.

    Each row reads the events of its lead again, so that all rows together read about `maximum_events`.
    """
    if not events:
        return policy.maximum_rows
    return min(policy.maximum_rows, max(1, policy.maximum_events * leads // events))


def evidence_days(day: dt.date, published: Collection[dt.date], policy: ForecastPolicy) -> list[dt.date]:
    """Return the partitions whose leads have had a whole horizon since, a step apart, the newest first.

    Args:
        day: the day D; its T is the end of the newest horizon.
        published: the days that the lake has of every table that is judged.
        policy: horizon, step, and how many weeks are looked at.
    """
    newest = day - dt.timedelta(days=policy.horizon_days)
    asked = [newest - dt.timedelta(days=place * policy.step_days) for place in range(policy.evidence.weeks)]
    have = set(published)
    return [one for one in asked if one in have]

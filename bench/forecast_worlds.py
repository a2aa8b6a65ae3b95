"""Makes up leads, events and conversions that depend on behaviour, on the source alone, or on nothing.

Leaves what is learned from them to the tests and to bench/forecasts.py. Everything follows from the seed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.forecast_day import TIME, Source

START = dt.datetime(2025, 1, 1, tzinfo=dt.timezone.utc)
DAY_US = 86_400_000_000
START_US = int(START.timestamp()) * 1_000_000
CONTENT_TYPES = ("blog", "guide", "video", "case_study")


@dataclass(frozen=True)
class Shape:
    """What a world is like.

    daily_rate: the chance of a conversion per day of a lead of middle quality; behaviour, campaign: how much quality,
    and how much the campaign, change its logarithm (0: nothing); decay_days: after so many days the chance is a third
    (0: never); deliveries: per lead, 0 where nothing but the source of the leads is known.
    """

    leads: int = 2000
    days: int = 200
    daily_rate: float = 0.004
    behaviour: float = 1.2
    campaign: float = 0.0
    campaigns: int = 20
    decay_days: float = 0.0
    deliveries: float = 12.0


CHANCE = Shape(behaviour=0.0)
SOURCE_ONLY = Shape(
    leads=8000,
    days=400,
    daily_rate=0.003,
    behaviour=0.0,
    campaign=0.8,
    campaigns=300,
    decay_days=60.0,
    deliveries=0,
)
SHAPES = {
    "behaviour": Shape(),
    "few conversions": Shape(leads=400, daily_rate=0.003, behaviour=1.5),
    "source only": SOURCE_ONLY,
    "quick decisions": Shape(leads=1500, days=240, daily_rate=0.012, behaviour=1.5, decay_days=40.0),
    "pure chance": CHANCE,
}


def end_of(shape: Shape, before_days: int = 0) -> dt.datetime:
    """Return T of the last day of a world, or of a day so long before it."""
    return START + dt.timedelta(days=shape.days - before_days)


def make(shape: Shape, seed: int) -> Source:
    """Return the world of a shape."""
    chance = np.random.default_rng(seed)
    ids = np.array([f"lead-{place:07}" for place in range(shape.leads)], dtype=object)
    created = np.sort(chance.uniform(0, shape.days, shape.leads))
    quality = chance.normal(size=shape.leads)
    campaign = chance.integers(0, shape.campaigns, shape.leads)
    of_campaign = chance.normal(size=shape.campaigns)[campaign]
    rate = shape.daily_rate * np.exp(shape.behaviour * quality + shape.campaign * of_campaign)
    waited = chance.exponential(size=shape.leads) / rate
    if shape.decay_days:  # the chance wears off: rate * exp(-t / decay) reaches waited only if there is enough of it
        left = 1 - waited / shape.decay_days
        waited = np.where(left > 0, -shape.decay_days * np.log(np.maximum(left, 1e-12)), np.inf)
    converted = created + waited
    seen = converted < shape.days + 60
    leads = pa.table(
        {
            "lead_id": pa.array(ids, pa.string()),
            "source": pa.array([f"source-{place % 6}" for place in campaign]),
            "channel": pa.array([f"source-{place % 6}" for place in campaign]),
            "utm_campaign": pa.array([f"campaign-{place}" for place in campaign]),
            "status": pa.array(np.where(seen, "converted", "new").tolist()),
            "created_at": _times(created),
            "converted_at": _times(np.where(seen, converted, 0.0), ~seen),
        }
    )
    return Source.of(leads, _events(shape, chance, ids, created, quality, converted) if shape.deliveries else None)


def _events(
    shape: Shape,
    chance: np.random.Generator,
    ids: np.ndarray,
    created: np.ndarray,
    quality: np.ndarray,
    converted: np.ndarray,
) -> pa.Table:
    """Return what was sent until the conversion, and what better leads open, click and complete more often."""
    number = chance.poisson(shape.deliveries, shape.leads)
    lead = np.repeat(np.arange(shape.leads), number)
    sent = created[lead] + chance.uniform(size=lead.size) * (shape.days - created[lead])
    lead, sent = lead[sent < converted[lead]], sent[sent < converted[lead]]
    opened = chance.uniform(size=lead.size) < 1 / (1 + np.exp(-(quality[lead] - 0.7)))
    clicked = opened & (chance.uniform(size=lead.size) < 0.4)
    completed = opened & (chance.uniform(size=lead.size) < 0.3)
    after = sent + chance.exponential(0.3, lead.size)
    kinds = (("sent", np.ones(lead.size, bool), sent), ("opened", opened, after))
    kinds += (("clicked", clicked, after + 0.001), ("completed", completed, after + 0.01))
    owner = np.concatenate([lead[which] for _, which, _ in kinds])
    delivery = np.concatenate([np.flatnonzero(which) for _, which, _ in kinds])
    at = np.concatenate([when[which] for _, which, when in kinds])
    kind = np.repeat([name for name, *_ in kinds], [int(which.sum()) for _, which, _ in kinds])
    times = _times(at)
    micros = times.cast(pa.int64()).to_numpy()
    days = micros // DAY_US
    return pa.table(
        {
            "event_id": pc.binary_join_element_wise("e", pa.array(np.arange(owner.size)).cast(pa.string()), ""),
            "lead_id": pa.array(ids[owner], pa.string()),
            "delivery_id": pc.binary_join_element_wise("d", pa.array(delivery).cast(pa.string()), ""),
            "event_type": pa.array(kind.tolist(), pa.string()),
            "content_type": pa.array(np.array(CONTENT_TYPES)[delivery % len(CONTENT_TYPES)].tolist(), pa.string()),
            "occurred_at": times,
            "local_hour": pa.array(micros // 3_600_000_000 % 24),
            "local_weekday": pa.array((days + 3) % 7 + 1),
            "date": pa.array(days, pa.int32()).cast(pa.date32()),
        }
    )


def _times(days: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
    micros = START_US + np.round(days * DAY_US).astype(np.int64)
    return pa.array(micros, pa.int64(), mask=missing).cast(TIME)

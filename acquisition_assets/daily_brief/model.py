"""Defines what a brief holds, as typed values: numbers with their meaning, sentences, and a value per section.

Making the values is left to `compose`, and showing them to `page`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Metric = Literal["new_leads", "deliveries", "open_rate", "completions", "referrals", "conversions", "likely"]
How = Literal[
    "new_leads",
    "deliveries",
    "open_rate",
    "completions",
    "referrals",
    "conversions",
    "likely",
    "anomaly",
    "move",
    "week",
    "score",
    "person",
    "channel_leads",
    "engaged_rate",
    "converted_rate",
    "segment",
    "segment_moves",
    "recommended",
    "completed",
    "rows",
    "quarantined",
    "age",
    "missing_days",
    "missing_outputs",
]
Unit = Literal["count", "decimal", "percent", "signed_percent", "hours"]
Title = Literal["know", "headline", "week", "people", "channels", "segments", "recommended", "health", "how"]
Kind = Literal["ready", "rose", "risk"]


@dataclass(frozen=True)
class Number:
    """A number on the page. how: the line that says how it is counted. value: None for a gap."""

    value: float | None
    how: How
    unit: Unit = "count"


@dataclass(frozen=True)
class Sentence:
    """A sentence of the catalogue with its values: numbers, days, or texts. tone: colour and icon."""

    key: str
    values: Mapping[str, Number | dt.date | str] = field(default_factory=dict)
    tone: Literal["bad", "warn", "good", "plain"] = "plain"


@dataclass(frozen=True)
class Absent:
    """An output that the lake lacks on the day. reason: why, where a run has recorded it."""

    table: str
    reason: str | None = None


@dataclass(frozen=True)
class Line:
    """Values of consecutive days up to the last one; None is a gap. marked: places of days with an anomaly."""

    days: Sequence[dt.date]
    values: Sequence[float | None]
    marked: Sequence[int] = ()


@dataclass(frozen=True)
class Headline:
    """A headline number with what it was before. day: the day that it is about."""

    metric: Metric
    day: dt.date
    value: Number
    yesterday: Number
    week_ago: Number
    line: Line


@dataclass(frozen=True)
class WeekRow:
    """A headline number of seven days and of the seven before; None where a day of them is a gap."""

    metric: Metric
    last: Number
    before: Number
    change: Number


@dataclass(frozen=True)
class Person:
    """A lead to talk to. may_be_mailed: whether an e-mail is allowed."""

    lead_id: str
    kind: Kind
    score: Number
    rise: Number
    reasons: Sequence[Sentence]
    next_item: str | None
    may_be_mailed: bool
    email: str | None = None


@dataclass(frozen=True)
class Rate:
    """A rate with its interval, in percent."""

    value: Number
    low: Number
    high: Number


@dataclass(frozen=True)
class Channel:
    """A channel of the long window; a rate is None where no lead is old enough."""

    name: str
    leads: Number
    engaged: Rate
    converted: Rate | None


@dataclass(frozen=True)
class Channels:
    """The channels with the most leads, and who leads. scale: the highest bound, in percent."""

    sentences: Sequence[Sentence]
    rows: Sequence[Channel]
    scale: float
    others: Number


@dataclass(frozen=True)
class Segment:
    """A segment with its size, who entered and left, and the line of its sizes."""

    name: str
    description: str
    size: Number
    entered: Number
    departed: Number
    line: Line


@dataclass(frozen=True)
class Item:
    """An item with the leads whom it was recommended to, and those who completed it afterwards."""

    title: str
    content_type: str
    leads: Number
    completed: Number
    share: Number


@dataclass(frozen=True)
class Recommended:
    """What was recommended on an earlier day. sentence: the sum of all items."""

    sentence: Sentence
    rows: Sequence[Item]


@dataclass(frozen=True)
class Rows:
    """Rows of an input table: accepted (of the day, for events), and in quarantine."""

    table: str
    accepted: Number
    quarantined: Number


@dataclass(frozen=True)
class Quarantined:
    """A reason of quarantined rows with their number; words and remedy are in the catalogue."""

    reason: str
    rows: Number
    detail: str


@dataclass(frozen=True)
class Health:
    """What is known of the data of the day."""

    rows: Sequence[Rows]
    reasons: Sequence[Quarantined]
    newest_lead: Number
    newest_event: Number
    missing_days: Number
    first_missing: Sequence[dt.date]
    absent: Sequence[Absent]


@dataclass(frozen=True)
class Missing:
    """A section that cannot be made, as outputs are missing."""

    absent: Sequence[Absent]


@dataclass(frozen=True)
class Brief:
    """Everything on the page of a day."""

    day: dt.date
    know: Sequence[Sentence]
    headline: Sequence[Headline] | Missing
    week: Sequence[WeekRow] | Missing | None
    people: Sequence[Person] | Missing
    channels: Channels | Missing
    segments: Sequence[Segment] | Missing
    recommended: Recommended | Missing | None
    health: Health
    anomalies: int | None

"""Declares the input tables: their columns, and what each cell must be.

Does not check rows or say how accepted ones are stored (see `raw`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from acquisition_assets.core.errors import InputError
from acquisition_assets.inputs.vocabulary import EVENT_TYPES, REFERRAL_STATUSES, STATUSES

INSTANT = "TIMESTAMP WITH TIME ZONE"
"""The DuckDB type of an instant."""


class Cell(Enum):
    """How the text or value of a cell is read."""

    ID = "id"
    TEXT = "text"
    WORD = "word"
    NUMBER = "number"
    FLAG = "flag"
    INSTANT = "instant"


@dataclass(frozen=True)
class InputColumn:
    """One column of an input table.

    default: SQL literal for a missing value; words: the known words (empty: any); at_least: the least number.
    """

    name: str
    cell: Cell
    required: bool = False
    default: str | None = None
    words: tuple[str, ...] = ()
    at_least: float | None = None


@dataclass(frozen=True)
class InputTable:
    """One input table: `time` is when a row came into being, `lead` the column that names its lead."""

    name: str
    columns: tuple[InputColumn, ...]
    key: str | None
    time: str
    lead: str | None = None

    @property
    def required(self) -> list[str]:
        """Names of the required columns."""
        return [column.name for column in self.columns if column.required]

    def column(self, name: str) -> InputColumn:
        """The column of a name."""
        return next(column for column in self.columns if column.name == name)


def _column(name: str, cell: Cell = Cell.TEXT, *, required: bool = False, default: str | None = None) -> InputColumn:
    return InputColumn(name, cell, required, default)


LEADS = InputTable(
    "leads",
    (
        _column("lead_id", Cell.ID, required=True),
        _column("email"),
        _column("source", Cell.WORD, default="'organic'"),
        _column("utm_source"),
        _column("utm_medium"),
        _column("utm_campaign"),
        _column("referrer_url"),
        _column("interest_area", Cell.WORD),
        InputColumn("status", Cell.WORD, required=True, words=STATUSES),
        InputColumn("engagement_score", Cell.NUMBER, default="0.0", at_least=0.0),
        _column("referrer_lead_id", Cell.ID),
        _column("created_at", Cell.INSTANT, required=True),
        _column("engaged_at", Cell.INSTANT),
        _column("converted_at", Cell.INSTANT),
        _column("unsubscribed_at", Cell.INSTANT),
    ),
    key="lead_id",
    time="created_at",
)
EVENTS = InputTable(
    "events",
    (
        _column("event_id", Cell.ID),
        _column("lead_id", Cell.ID, required=True),
        _column("delivery_id", Cell.ID),
        InputColumn("event_type", Cell.WORD, required=True, words=EVENT_TYPES),
        _column("content_id", Cell.ID),
        _column("content_type", Cell.WORD, default="'other'"),
        _column("occurred_at", Cell.INSTANT, required=True),
        _column("is_machine", Cell.FLAG, default="false"),
    ),
    key="event_id",
    time="occurred_at",
    lead="lead_id",
)
REFERRALS = InputTable(
    "referrals",
    (
        _column("referral_id", Cell.ID, required=True),
        _column("referrer_lead_id", Cell.ID, required=True),
        _column("referred_email"),
        InputColumn("status", Cell.WORD, required=True, words=REFERRAL_STATUSES),
        _column("created_at", Cell.INSTANT, required=True),
        _column("validated_at", Cell.INSTANT),
    ),
    key="referral_id",
    time="created_at",
    lead="referrer_lead_id",
)
CONTENT = InputTable(
    "content",
    (
        _column("content_id", Cell.ID, required=True),
        _column("content_type", Cell.WORD, required=True),
        _column("title", required=True),
        _column("url"),
        _column("interest_area", Cell.WORD),
        _column("published_at", Cell.INSTANT),
    ),
    key="content_id",
    time="published_at",
)
STATUS_CHANGES = InputTable(
    "status_changes",
    (
        _column("lead_id", Cell.ID, required=True),
        InputColumn("status", Cell.WORD, required=True, words=STATUSES),
        _column("changed_at", Cell.INSTANT, required=True),
    ),
    key=None,
    time="changed_at",
    lead="lead_id",
)
INPUTS: dict[str, InputTable] = {t.name: t for t in (LEADS, EVENTS, REFERRALS, CONTENT, STATUS_CHANGES)}


def require_columns(table: str, columns: Mapping[str, str] | list[str], place: str) -> None:
    """Refuse a table that lacks a required column.

    Raises:
        InputError: names the place, the columns that are missing and those that there are.
    """
    missing = [name for name in INPUTS[table].required if name not in columns]
    if missing:
        raise InputError(
            f"{place}: required column {', '.join(missing)} is missing; it has {', '.join(columns) or 'none'}; "
            f"rename or add the column ({table} needs {', '.join(INPUTS[table].required)})"
        )

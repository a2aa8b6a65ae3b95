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

    Attributes:
        default: SQL literal for a missing value.
        words: the known words (empty: any).
        at_least: the least number.
        is_lead: whether it holds the id of a lead: one that is an e-mail address is trimmed and lower-cased.
    """

    name: str
    cell: Cell
    required: bool = False
    default: str | None = None
    words: tuple[str, ...] = ()
    at_least: float | None = None
    is_lead: bool = False


@dataclass(frozen=True)
class InputTable:
    """One input table.

    Attributes:
        key: the column that is unique, None where none is.
        time: when a row came into being; None where rows hold for every day.
        lead: the column that names the lead of a row, which must exist.
        has_versions: whether of several good rows with one key the newest holds (else the first that is read).
        version: when the source changed a row; None where only the order of reading says which row is newer.
        is_expected: whether a source without the table is warned of.
    """

    name: str
    columns: tuple[InputColumn, ...]
    key: str | None
    time: str | None = None
    lead: str | None = None
    has_versions: bool = False
    version: str | None = None
    is_expected: bool = True

    @property
    def required(self) -> list[str]:
        """Names of the required columns."""
        return [column.name for column in self.columns if column.required]

    def column(self, name: str) -> InputColumn:
        """Return the column of a name."""
        return next(column for column in self.columns if column.name == name)


def _column(name: str, cell: Cell = Cell.TEXT, *, required: bool = False, default: str | None = None) -> InputColumn:
    return InputColumn(name, cell, required, default)


LEADS = InputTable(
    "leads",
    (
        InputColumn("lead_id", Cell.ID, required=True, is_lead=True),
        _column("email"),
        _column("source", Cell.WORD, default="'organic'"),
        _column("utm_source"),
        _column("utm_medium"),
        _column("utm_campaign"),
        _column("referrer_url"),
        _column("landing_url"),
        _column("click_ids"),
        _column("interest_area", Cell.WORD),
        InputColumn("status", Cell.WORD, required=True, words=STATUSES),
        InputColumn("engagement_score", Cell.NUMBER, default="0.0", at_least=0.0),
        InputColumn("referrer_lead_id", Cell.ID, is_lead=True),
        _column("created_at", Cell.INSTANT, required=True),
        _column("engaged_at", Cell.INSTANT),
        _column("converted_at", Cell.INSTANT),
        _column("inactive_at", Cell.INSTANT),
        _column("unsubscribed_at", Cell.INSTANT),
        _column("updated_at", Cell.INSTANT),
    ),
    key="lead_id",
    time="created_at",
    has_versions=True,
    version="updated_at",
)
EVENTS = InputTable(
    "events",
    (
        _column("event_id", Cell.ID),
        InputColumn("lead_id", Cell.ID, required=True, is_lead=True),
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
        InputColumn("referrer_lead_id", Cell.ID, required=True, is_lead=True),
        _column("referred_email"),
        InputColumn("status", Cell.WORD, required=True, words=REFERRAL_STATUSES),
        _column("created_at", Cell.INSTANT, required=True),
        _column("validated_at", Cell.INSTANT),
        _column("updated_at", Cell.INSTANT),
    ),
    key="referral_id",
    time="created_at",
    lead="referrer_lead_id",
    has_versions=True,
    version="updated_at",
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
        _column("retired_at", Cell.INSTANT),
        _column("updated_at", Cell.INSTANT),
    ),
    key="content_id",
    time="published_at",
    has_versions=True,
    version="updated_at",
)
STATUS_CHANGES = InputTable(
    "status_changes",
    (
        InputColumn("lead_id", Cell.ID, required=True, is_lead=True),
        InputColumn("status", Cell.WORD, required=True, words=STATUSES),
        _column("changed_at", Cell.INSTANT, required=True),
    ),
    key=None,
    time="changed_at",
    lead="lead_id",
)
ALIASES = InputTable(
    "aliases",
    (
        InputColumn("alias_id", Cell.ID, required=True, is_lead=True),
        InputColumn("lead_id", Cell.ID, required=True, is_lead=True),
    ),
    key="alias_id",
    has_versions=True,
)
SPEND = InputTable(
    "spend",
    (
        _column("day", Cell.INSTANT, required=True),
        _column("channel"),
        _column("utm_source"),
        _column("utm_campaign"),
        InputColumn("amount", Cell.NUMBER, required=True, at_least=0.0),
        _column("currency"),
    ),
    key=None,
    time="day",
    is_expected=False,
)
INPUTS: dict[str, InputTable] = {t.name: t for t in (LEADS, EVENTS, REFERRALS, CONTENT, STATUS_CHANGES, ALIASES, SPEND)}


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

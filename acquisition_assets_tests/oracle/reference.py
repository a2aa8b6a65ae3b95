"""Implements the specification a second time, slowly: plain Python on exact fractions, written from its text alone.

It leaves speed to the product, and imports nothing of it.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from statistics import NormalDist
from typing import Any
from zoneinfo import ZoneInfo

from acquisition_assets_tests.oracle.metric_history import metric_history

Row = dict[str, Any]
Tables = Mapping[str, Sequence[Mapping[str, Any]]]

UTC = dt.timezone.utc
HOUR = dt.timedelta(hours=1)
DAY = 24 * HOUR
MICROSECOND = dt.timedelta(microseconds=1)

# ---- section 1: time, identity, rounding ----------------------------------------------------------------------------


def start_of_day(day: dt.date, zone: str) -> dt.datetime:
    """The first instant at which a clock of the zone strikes the day's midnight, or jumps over it."""
    tz = ZoneInfo(zone)
    midnight = dt.datetime.combine(day, dt.time(), tzinfo=tz)  # fold 0: the first of two
    instant = midnight.astimezone(UTC)
    if instant.astimezone(tz).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return instant
    early, late = instant - 48 * HOUR, instant + 48 * HOUR  # the clock jumps somewhere between
    wall = midnight.replace(tzinfo=None)
    while late - early > MICROSECOND:
        middle = early + (late - early) // 2
        if middle.astimezone(tz).replace(tzinfo=None) >= wall:
            late = middle
        else:
            early = middle
    return late


def end_of_day(day: dt.date, zone: str) -> dt.datetime:
    """T: the instant at which the next day begins."""
    return start_of_day(day + dt.timedelta(days=1), zone)


def day_of(instant: dt.datetime, zone: str) -> dt.date:
    """The business day whose start is not after the instant, and whose end is."""
    guess = instant.astimezone(ZoneInfo(zone)).date() + dt.timedelta(days=2)
    while start_of_day(guess, zone) > instant:
        guess -= dt.timedelta(days=1)
    return guess


def whole_days(since: dt.datetime, end: dt.datetime) -> int:
    """floor((T - x) / 24h)."""
    return (end - since) // DAY


def half_up(value: Fraction | int | None, places: int = 2) -> Fraction | None:
    """Rounded half up (half away from zero)."""
    if value is None:
        return None
    scaled = abs(Fraction(value)) * 10**places
    rounded = math.floor(scaled + Fraction(1, 2))
    return Fraction(rounded if value >= 0 else -rounded, 10**places)


# ---- section 2: words and cells -------------------------------------------------------------------------------------

STATUSES = ("new", "nurturing", "engaged", "converted", "inactive")
EVENT_TYPES = ("sent", "opened", "clicked", "completed", "bounced", "unsubscribed", "complained")
REFERRAL_STATUSES = ("pending", "validated", "fraud", "rejected")
STATUS_WORDS = {
    **{status: status for status in STATUSES},
    **dict.fromkeys(("lead", "subscriber", "open", "prospect"), "new"),
    **dict.fromkeys(("contacted", "working", "mql", "marketing qualified lead"), "nurturing"),
    **dict.fromkeys(("sql", "sales qualified lead", "opportunity", "qualified", "hot"), "engaged"),
    **dict.fromkeys(("customer", "won", "closed_won"), "converted"),
    **dict.fromkeys(
        ("lost", "closed_lost", "disqualified", "unqualified", "churned", "unsubscribed"),
        "inactive",
    ),
}
LEFT_OUT_WORDS = ("soft_bounce", "deferred", "blocked", "delayed")
EVENT_WORDS = {
    **{kind: kind for kind in EVENT_TYPES},
    "open": "opened",
    "click": "clicked",
    **dict.fromkeys(("bounce", "hard_bounce"), "bounced"),
    "unsubscribe": "unsubscribed",
    **dict.fromkeys(("spamreport", "complaint"), "complained"),
    **dict.fromkeys(LEFT_OUT_WORDS, "ignore"),
}
SPELLED = {
    "source": ("organic",),
    "interest_area": ("marketing", "sales"),
    "content_type": ("blog", "guide", "video", "case_study", "webinar", "ebook", "other"),
}
MISSING_IN_TEXT = {
    *("null", "none", "nan", "nat", "<na>", "n/a", "#n/a", "undefined", "(not set)", "(blank)", "-", "--", r"\n"),
    *("0000-00-00", "0000-00-00 00:00:00"),
}
MISSING, UNPARSABLE, OUT_OF_RANGE, UNKNOWN_WORD, DUPLICATE, UNKNOWN_LEAD, ALIAS_CYCLE, QUARANTINED_LEAD = (
    "missing required value",
    "unparsable value",
    "value out of range",
    "unknown word",
    "duplicate id",
    "unknown lead",
    "alias cycle",
    "quarantined lead",
)
ORDER = (MISSING, UNPARSABLE, OUT_OF_RANGE, UNKNOWN_WORD)

KINDS: dict[str, dict[str, str]] = {
    "leads": {
        "lead_id": "lead",
        "email": "text",
        "source": "word",
        "utm_source": "text",
        "utm_medium": "text",
        "utm_campaign": "text",
        "referrer_url": "text",
        "landing_url": "text",
        "click_ids": "text",
        "interest_area": "word",
        "status": "status",
        "engagement_score": "number",
        "referrer_lead_id": "lead",
        "created_at": "time",
        "engaged_at": "time",
        "converted_at": "time",
        "inactive_at": "time",
        "unsubscribed_at": "time",
        "updated_at": "time",
    },
    "events": {
        "event_id": "id",
        "lead_id": "lead",
        "delivery_id": "id",
        "event_type": "event_type",
        "content_id": "id",
        "content_type": "word",
        "occurred_at": "time",
        "is_machine": "flag",
    },
    "referrals": {
        "referral_id": "id",
        "referrer_lead_id": "lead",
        "referred_email": "text",
        "status": "referral_status",
        "created_at": "time",
        "validated_at": "time",
        "updated_at": "time",
    },
    "content": {
        "content_id": "id",
        "content_type": "word",
        "title": "text",
        "url": "text",
        "interest_area": "word",
        "published_at": "time",
        "retired_at": "time",
        "updated_at": "time",
    },
    "status_changes": {"lead_id": "lead", "status": "status", "changed_at": "time"},
    "aliases": {"alias_id": "lead", "lead_id": "lead"},
}
REQUIRED = {
    "leads": ("lead_id", "status", "created_at"),
    "events": ("lead_id", "event_type", "occurred_at"),
    "referrals": ("referral_id", "referrer_lead_id", "status", "created_at"),
    "content": ("content_id", "content_type", "title"),
    "status_changes": ("lead_id", "status", "changed_at"),
    "aliases": ("alias_id", "lead_id"),
}
KEY = {
    "leads": "lead_id",
    "events": "event_id",
    "referrals": "referral_id",
    "content": "content_id",
    "aliases": "alias_id",
}
LEAD_COLUMN = {"events": "lead_id", "referrals": "referrer_lead_id", "status_changes": "lead_id"}
TIME_COLUMN = {
    "leads": "created_at",
    "events": "occurred_at",
    "referrals": "created_at",
    "content": "published_at",
    "status_changes": "changed_at",
}
DEFAULTS = {"source": "organic", "engagement_score": Fraction(0), "is_machine": False}

TIMESTAMP = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d|\d{4}/\d\d/\d\d)"
    r"(?:[T ](?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?"
    r"(?: ?(?P<zone>Z|[+-]\d\d(?::?\d\d)?)| (?:UTC|GMT)| ?[+-]00(?::?00)? (?:UTC|GMT))?)?"
)
NUMBERED = re.compile(r"(?P<number>\d{10}|\d{13})(?:\.0+)?")


class UnparsableError(Exception):
    """A cell that does not read as what its column holds."""


class UnknownError(Exception):
    """A word that its column does not know."""


class OutOfRangeError(Exception):
    """A value outside of what its column may hold."""


def parse_time(value: Any) -> dt.datetime:
    """ISO 8601 and what tools make of it, or a number of (milli)seconds; no offset means UTC; micros are cut."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, dt.date):
        return dt.datetime.combine(value, dt.time(), tzinfo=UTC)
    numbered = NUMBERED.fullmatch(str(value).strip())
    if numbered is not None:
        number = int(numbered["number"])
        instant = dt.datetime(1970, 1, 1, tzinfo=UTC) + dt.timedelta(
            milliseconds=number if number >= 10**10 else 1000 * number
        )
        if not 2000 <= instant.year < 2100:
            raise UnparsableError(value)
        return instant
    match = TIMESTAMP.fullmatch(str(value).strip()) if isinstance(value, str) else None
    if match is None:
        raise UnparsableError(value)
    parts = match.groupdict()
    try:
        day = dt.date.fromisoformat(parts["date"].replace("/", "-"))
        clock = dt.time(
            int(parts["hour"] or 0),
            int(parts["minute"] or 0),
            int(parts["second"] or 0),
            int(((parts["fraction"] or "") + "000000")[:6]),
        )
        offset = dt.timedelta()
        if parts["zone"] and parts["zone"] != "Z":
            digits = parts["zone"][1:].replace(":", "")
            offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
            offset = -offset if parts["zone"][0] == "-" else offset
        return dt.datetime.combine(day, clock, tzinfo=UTC) - offset
    except (ValueError, OverflowError) as error:
        raise UnparsableError(value) from error


def parse_number(value: Any) -> Fraction:
    """A number of at least 0, exactly as it is written."""
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation as error:
        raise UnparsableError(value) from error
    if not number.is_finite():
        raise UnparsableError(value)
    if number < 0:
        raise OutOfRangeError(value)
    return Fraction(number)


def parse_id(value: Any) -> str:
    """Text; integers lose the .0 that a float column gave them."""
    text = str(value)
    return text[:-2] if re.fullmatch(r"-?\d+\.0", text) else text


def parse_flag(value: Any) -> bool:
    """True or false."""
    word = str(value).strip().lower()
    if word in {"true", "t", "1", "1.0", "yes"}:
        return True
    if word in {"false", "f", "0", "0.0", "no"}:
        return False
    raise UnparsableError(value)


def parse_lead(value: Any) -> str:
    """An id; one that is an e-mail address is the same however it is typed."""
    text = parse_id(value)
    return text.strip().lower() if is_address(text.strip()) else text


def folded(word: str) -> str:
    """A word as words are compared: each run of blanks, hyphens, underscores and slashes is one."""
    return re.sub(r"[\s\-_/]+", " ", word.strip().lower())


def known(words: Mapping[str, str] | Sequence[str]) -> Callable[[Any], str]:
    """A reader of one of these words."""
    meanings = words if isinstance(words, Mapping) else {word: word for word in words}
    by_fold = {folded(word): meaning for word, meaning in meanings.items()}

    def read(value: Any) -> str:
        if folded(str(value)) not in by_fold:
            raise UnknownError(value)
        return by_fold[folded(str(value))]

    return read


def spelled(column: str) -> Callable[[Any], str]:
    """A reader of free words that are stored as the policy spells them, where it does."""
    by_fold = {folded(word): word for word in SPELLED.get(column, ())}
    return lambda value: by_fold.get(folded(str(value)), str(value).strip().lower())


READERS: dict[str, Callable[[Any], Any]] = {
    "id": parse_id,
    "lead": parse_lead,
    "text": str,
    "status": known(STATUS_WORDS),
    "event_type": known(EVENT_WORDS),
    "referral_status": known(REFERRAL_STATUSES),
    "number": parse_number,
    "time": parse_time,
    "flag": parse_flag,
}


def is_missing(value: Any, text_file: bool) -> bool:
    """None, blank text, and in text files the words for null."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    if not isinstance(value, str):
        return False
    return not value.strip() or (text_file and value.strip().lower() in MISSING_IN_TEXT)


def clean(table: str, row: Mapping[str, Any], text_file: bool) -> tuple[Row, str | None]:
    """The row as its columns mean it, and the first reason why it breaks the contract, if it does.

    A required cell that cannot be read stays as its text; an optional one is missing.
    """
    values: Row = {}
    reasons: set[str] = set()
    for column, kind in KINDS[table].items():
        raw = row.get(column)
        values[column] = DEFAULTS.get(column)
        is_required = column in REQUIRED[table]
        if is_missing(raw, text_file):
            if is_required:
                reasons.add(MISSING)
            continue
        try:
            values[column] = (spelled(column) if kind == "word" else READERS[kind])(raw)
        except (UnparsableError, OutOfRangeError, UnknownError) as error:
            if is_required:
                values[column] = str(raw) if kind == "time" else str(raw).strip().lower()
                reasons.add(UNKNOWN_WORD if isinstance(error, UnknownError) else UNPARSABLE)
            if column == "unsubscribed_at":
                values["unsubscribed_unreadable"] = True
    if table == "leads":
        values.setdefault("unsubscribed_unreadable", False)
    return values, next((reason for reason in ORDER if reason in reasons), None)


# ---- section 2: what a run reads, and what becomes of every row -----------------------------------------------------

MERGED_TIMES = ("created_at", "engaged_at", "converted_at", "unsubscribed_at", "inactive_at")
MERGED = {
    "leads": (*(f"merged_{name}" for name in MERGED_TIMES), "merged_status", "unsubscribed_unreadable"),
    "aliases": ("final_lead_id",),
}


@dataclass
class Account:
    """What became of the rows of one table in one run."""

    read: int = 0
    future: int = 0
    left_out: int = 0
    duplicates: int = 0
    superseded: int = 0
    accepted: list[Row] = field(default_factory=list)
    quarantined: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)  # reason, the row as read
    of_the_future: list[tuple[Row, str | None]] = field(default_factory=list)
    leads_named: list[str] = field(default_factory=list)

    @property
    def reasons(self) -> Counter[str]:
        """How many rows each reason has."""
        return Counter(reason for reason, _ in self.quarantined)

    @property
    def has_too_many_bad_rows(self) -> bool:
        """More than 5 % of the rows and at least 10, or more than half of them and at least 3."""
        apart = self.reasons[UNKNOWN_LEAD] + self.reasons[QUARANTINED_LEAD]
        bad = len(self.quarantined) - apart
        rows = self.read - self.future - apart
        return (bad >= 10 and bad * 100 > 5 * rows) or (bad >= 3 and bad * 2 > rows)


@dataclass
class Lake:
    """What earlier runs left: events by their day, and the published scores and memberships.

    `sources` holds what the source had of a day when it was taken in, `strangers` the unknown leads of its events.
    """

    events: dict[dt.date, list[Row]] = field(default_factory=dict)
    sources: dict[dt.date, Counter[str]] = field(default_factory=dict)
    strangers: dict[dt.date, set[str]] = field(default_factory=dict)
    scores: dict[dt.date, dict[str, Fraction]] = field(default_factory=dict)
    segments: dict[dt.date, set[tuple[str, str]]] = field(default_factory=dict)


@dataclass
class Sorted:
    """A row that was read: its values, and what is wrong with it."""

    raw: Mapping[str, Any]
    values: Row
    reason: str | None


def read_rows(
    table: str,
    rows: Iterable[Mapping[str, Any]],
    end: dt.datetime,
    text_file: bool,
    is_read: Callable[[dt.datetime], bool] = lambda _: True,
) -> tuple[Account, list[Sorted]]:
    """Counts rows of the future, left out and equal ones; the others are still to be sorted."""
    account = Account()
    found: dict[tuple[Any, ...], Sorted] = {}
    for raw in rows:
        values, reason = clean(table, raw, text_file)
        time = values.get(TIME_COLUMN.get(table, ""))
        if isinstance(time, dt.datetime) and time < end and not is_read(time):
            continue
        account.read += 1
        if isinstance(time, dt.datetime) and time >= end:
            account.future += 1
            account.of_the_future.append((values, reason))
            continue
        if values.get("event_type") == "ignore" or (
            table == "aliases" and values["alias_id"] is not None and values["alias_id"] == values["lead_id"]
        ):
            account.left_out += 1
            continue
        content = tuple(values.items())
        if content in found:
            account.duplicates += 1
            if table == "events":
                continue
            del found[content]  # the one that is read last stays
        found[content] = Sorted(raw, values, reason)
    return account, list(found.values())


def hold_newest(account: Account, table: str, rows: list[Sorted], end: dt.datetime) -> list[Sorted]:
    """Leaves one good row of each id, in the order of reading; the others are superseded."""
    oldest, latest = dt.datetime.min.replace(tzinfo=UTC), dt.datetime.max.replace(tzinfo=UTC)

    def age(numbered: tuple[int, Sorted]) -> tuple[Any, ...]:
        number, row = numbered
        updated = row.values.get("updated_at")
        if updated is None or updated < end:
            return (1, updated is not None, updated or oldest, number)
        return (0, True, oldest + (latest - updated), number)

    versions: dict[str, list[tuple[int, Sorted]]] = defaultdict(list)
    for number, row in enumerate(rows):
        if row.reason is None:
            versions[row.values[KEY[table]]].append((number, row))
    held = sorted(max(those, key=age) for those in versions.values())
    account.superseded += sum(map(len, versions.values())) - len(held)
    account.quarantined += [(row.reason, row.raw) for row in rows if row.reason is not None]
    return [row for _, row in held]


def read_leads(rows: Iterable[Mapping[str, Any]], end: dt.datetime, text_file: bool) -> tuple[Account, set[str]]:
    """The leads, before aliases make some of them one; and the ids of those without a good row."""
    account, found = read_rows("leads", rows, end, text_file)
    bad = {row.values["lead_id"] for row in found if row.reason is not None}
    bad |= {values["lead_id"] for values, reason in account.of_the_future if reason is not None}
    account.accepted = [row.values for row in hold_newest(account, "leads", found, end)]
    return account, bad - good_leads(account) - {None}


def good_leads(leads: Account) -> set[str]:
    """The ids of the leads with a good row, whenever created."""
    later = {values["lead_id"] for values, reason in leads.of_the_future if reason is None}
    return later | {lead["lead_id"] for lead in leads.accepted}


def read_aliases(
    rows: Iterable[Mapping[str, Any]], end: dt.datetime, text_file: bool, good: Collection[str]
) -> Account:
    """The aliases, each with the lead at the end of its chain."""
    account, found = read_rows("aliases", rows, end, text_file)
    held = hold_newest(account, "aliases", found, end)
    leads_to = {row.values["alias_id"]: row.values["lead_id"] for row in held}
    for row in held:
        lead, seen = row.values["lead_id"], {row.values["alias_id"]}
        while lead in leads_to and lead not in seen:
            seen.add(lead)
            lead = leads_to[lead]
        if lead in seen:
            account.quarantined.append((ALIAS_CYCLE, row.raw))
        elif lead not in good:
            account.quarantined.append((UNKNOWN_LEAD, row.raw))
        else:
            account.accepted.append({**row.values, "final_lead_id": lead})
    return account


def merge(leads: Account, aliases: Account, end: dt.datetime) -> None:
    """Makes one lead of those that are one: their earliest times, and the status that goes furthest."""
    ends = {alias["alias_id"]: alias["final_lead_id"] for alias in aliases.accepted}
    halves: dict[str, list[Row]] = defaultdict(list)
    for lead in leads.accepted:
        if lead["lead_id"] in ends:
            halves[ends[lead["lead_id"]]].append(lead)
    own = {lead["lead_id"]: lead for lead in leads.accepted if lead["lead_id"] not in ends}
    leads.superseded += len(leads.accepted) - len(own)
    later, good = Account(), [Sorted({}, values, None) for values, reason in leads.of_the_future if reason is None]
    for row in hold_newest(later, "leads", good, end):
        if row.values["lead_id"] in halves and row.values["lead_id"] not in own:
            own[row.values["lead_id"]] = row.values
            leads.future -= 1
    leads.accepted = []
    for lead_id, lead in own.items():
        those = [lead, *halves[lead_id]]
        merged: Row = {"merged_inactive_at": lead["inactive_at"], "merged_status": lead["status"]}
        for name in MERGED_TIMES[:4]:
            merged[f"merged_{name}"] = min((row[name] for row in those if row[name] is not None), default=None)
        if lead["status"] != "inactive":
            merged["merged_status"] = max(
                (row["status"] for row in those if row["status"] != "inactive"), key=STATUSES.index
            )
        merged["unsubscribed_unreadable"] = any(row["unsubscribed_unreadable"] for row in those)
        leads.accepted.append({**lead, **merged})


def account_for(
    table: str,
    rows: Iterable[Mapping[str, Any]],
    end: dt.datetime,
    text_file: bool,
    good: Collection[str],
    bad: Collection[str],
    is_read: Callable[[dt.datetime], bool] = lambda _: True,
    ids_elsewhere: Collection[str] = (),
) -> Account:
    """Gives each row of a table that names leads, or of content, its fate."""
    account, found = read_rows(table, rows, end, text_file, is_read)
    for row in found:
        lead = row.values.get(LEAD_COLUMN.get(table, ""))
        if lead is not None:
            account.leads_named.append(lead)
            if row.reason is None and lead not in good:
                row.reason = QUARANTINED_LEAD if lead in bad else UNKNOWN_LEAD
    if table in ("referrals", "content"):
        account.accepted = [row.values for row in hold_newest(account, table, found, end)]
        return account
    kept: set[str] = set(ids_elsewhere)
    for row in found:
        if row.reason is None and table == "events":
            key = row.values["event_id"] or f"derived:{tuple(row.values.items())}"
            row.values["event_id"] = key
            row.reason = DUPLICATE if key in kept else None
            kept.add(key)
        if row.reason is None:
            account.accepted.append(row.values)
        else:
            account.quarantined.append((row.reason, row.raw))
    return account


def rows_by_day(
    rows: Iterable[Mapping[str, Any]], end: dt.datetime, zone: str, text_file: bool
) -> dict[dt.date, Counter[str]]:
    """What a source of files has of each day before the end of the run's."""
    found: dict[dt.date, Counter[str]] = defaultdict(Counter)
    for row in rows:
        time = clean("events", row, text_file)[0]["occurred_at"]
        if isinstance(time, dt.datetime) and time < end:
            found[day_of(time, zone)][repr(sorted(row.items()))] += 1
    return found


def stops(accounts: Mapping[str, Account], lake: Lake) -> bool:
    """Whether so much is wrong that the day must stop."""
    leads = accounts["leads"]
    if any(account.has_too_many_bad_rows for account in accounts.values()):
        return True
    if leads.read > leads.future and not leads.accepted:
        return bool(leads.quarantined)
    ids = {lead["lead_id"] for lead in leads.accepted} | {row["alias_id"] for row in accounts["aliases"].accepted}
    for table in LEAD_COLUMN:
        named = set(accounts[table].leads_named)
        if table == "events":
            named |= {event["lead_id"] for events in lake.events.values() for event in events}
        if leads.read and len(accounts[table].leads_named) >= 10 and not named & ids:
            return True
    return False


def ingest(
    tables: Tables, day: dt.date, zone: str, lake: Lake, full: bool = False, text_file: bool = True
) -> dict[str, Account]:
    """Reads what the day reads, and leaves the accepted events in the lake, by their day."""
    end = end_of_day(day, zone)
    leads, bad = read_leads(tables.get("leads", ()), end, text_file)
    good = good_leads(leads)
    aliases = read_aliases(tables.get("aliases", ()), end, text_file, good)
    merge(leads, aliases, end)
    good |= {alias["alias_id"] for alias in aliases.accepted}
    bad -= good
    accounts = {"leads": leads, "aliases": aliases}
    for table in ("referrals", "content", "status_changes"):
        accounts[table] = account_for(table, tables.get(table, ()), end, text_file, good, bad)

    recent = {day - dt.timedelta(days=n) for n in range(4)}
    now = rows_by_day(tables.get("events", ()), end, zone, text_file)

    def reads(its_day: dt.date) -> bool:
        if its_day in recent or its_day not in lake.events:
            return True
        there, before = now.get(its_day, Counter()), lake.sources[its_day]
        if there.total() < before.total():
            return full and there.total() > 0
        return full or there != before or bool(lake.strangers[its_day] & good)

    days_read = {its_day: reads(its_day) for its_day in {*now, *lake.events, *recent}}
    others = {
        event["event_id"]
        for its_day, some in lake.events.items()
        if its_day < day and not days_read[its_day]
        for event in some
    }
    events = account_for(
        "events",
        tables.get("events", ()),
        end,
        text_file,
        good,
        bad,
        lambda time: days_read[day_of(time, zone)],
        others,
    )
    accounts["events"] = events
    if stops(accounts, lake):
        return accounts
    by_day: dict[dt.date, list[Row]] = defaultdict(list)
    for event in events.accepted:
        by_day[day_of(event["occurred_at"], zone)].append(event)
    strangers: dict[dt.date, set[str]] = defaultdict(set)
    for reason, raw in events.quarantined:
        if reason == UNKNOWN_LEAD:
            values, _ = clean("events", raw, text_file)
            strangers[day_of(values["occurred_at"], zone)].add(values["lead_id"])
    first = min([*by_day, *(d for d in lake.events if d <= day), day])
    for n in range((day - first).days + 1):
        past = first + dt.timedelta(days=n)
        if days_read.get(past, past not in lake.events):
            lake.events[past] = by_day.get(past, [])
            lake.sources[past] = now.get(past, Counter())
            lake.strangers[past] = strangers[past]
    return accounts


# ---- section 2: what the raw tables say ------------------------------------------------------------------------------


@dataclass
class State:
    """What was known of the source when a day was read."""

    read_at: dt.datetime
    newest_at: dt.datetime | None


@dataclass
class Raw:
    """The raw tables of a day but for the events; aliases: id -> the lead at the end of the chain."""

    leads: list[Row]
    referrals: list[Row]
    status_changes: list[Row]
    content: list[Row]
    state: State
    aliases: dict[str, str] = field(default_factory=dict)


def resolved(raw: Raw, events: Sequence[Row]) -> tuple[Raw, list[Row]]:
    """The same with the lead in the place of every alias."""

    def under_leads(rows: Sequence[Row], column: str) -> list[Row]:
        return [{**row, column: raw.aliases.get(row[column], row[column])} for row in rows]

    referrals = under_leads(raw.referrals, "referrer_lead_id")
    changes = under_leads(raw.status_changes, "lead_id")
    return replace(raw, referrals=referrals, status_changes=changes), under_leads(events, "lead_id")


# ---- section 3: features --------------------------------------------------------------------------------------------

HUMAN = ("opened", "clicked", "completed")


@dataclass
class Delivery:
    """One content item sent to one lead, and what the lead did with it."""

    delivery_id: str
    events: list[Row]

    @property
    def first(self) -> Row:
        """The earliest event; of several the one with the smallest id."""
        return min(self.events, key=lambda event: (event["occurred_at"], event["event_id"]))

    @property
    def lead_id(self) -> str:
        """Whose it is."""
        return str(self.first["lead_id"])

    @property
    def content_type(self) -> str:
        """What it is."""
        return str(self.first["content_type"] or "other")

    def earliest(self, *types: str, people: bool = True) -> dt.datetime | None:
        """The time of the earliest event of these types."""
        times = [
            event["occurred_at"]
            for event in self.events
            if event["event_type"] in types and not (people and event["is_machine"])
        ]
        return min(times, default=None)

    @property
    def sent_at(self) -> dt.datetime | None:
        """Earliest sent."""
        return self.earliest("sent", people=False)

    @property
    def opened_at(self) -> dt.datetime | None:
        """Earliest human event."""
        return self.earliest(*HUMAN)

    @property
    def completed_at(self) -> dt.datetime | None:
        """Earliest human completion."""
        return self.earliest("completed")

    @property
    def response_hours(self) -> Fraction | None:
        """Hours from sent to opened; null where it would be negative."""
        sent, opened = self.sent_at, self.opened_at
        if sent is None or opened is None or opened < sent:
            return None
        return Fraction((opened - sent) // MICROSECOND, HOUR // MICROSECOND)


def deliveries_of(events: Iterable[Row]) -> list[Delivery]:
    """Events put together: by delivery_id, else by lead and content, else each alone."""
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for event in events:
        if event["delivery_id"] is not None:
            groups["delivery", event["delivery_id"]].append(event)
        elif event["content_id"] is not None:
            groups["content", event["lead_id"], event["content_id"]].append(event)
        else:
            groups["event", "", event["event_id"]].append(event)
    return [Delivery("\x1f".join(key[1:]), group) for key, group in groups.items()]


def share(matching: int, of: int) -> Fraction | None:
    """A part of the whole; null of nothing."""
    return Fraction(matching, of) if of else None


def status_at(lead: Row, changes: Sequence[Row], end: dt.datetime, state: State) -> tuple[str, bool]:
    """The status as of T, and whether it is dated."""
    mine = [change for change in changes if change["lead_id"] == lead["lead_id"]]
    if mine:
        latest = max(change["changed_at"] for change in mine)
        return [str(change["status"]) for change in mine if change["changed_at"] == latest][-1], True
    status = str(lead["merged_status"])
    own = {"converted": "merged_converted_at", "engaged": "merged_engaged_at", "inactive": "merged_inactive_at"}
    since = lead[own[status]] if status in own else None
    if since is None:
        return status, state.newest_at is not None and state.newest_at - end < 36 * HOUR
    if since < end:
        return status, True
    engaged = lead["merged_engaged_at"]
    if status in ("converted", "inactive") and engaged is not None and engaged < end:
        return "engaged", True
    return "nurturing", False


def is_address(text: str | None) -> bool:
    """One @, something before it and on both sides of a dot after it, no blank inside, at most 254 characters."""
    if text is None or len(text.strip(" ")) > 254 or any(letter.isspace() for letter in text.strip(" ")):
        return False
    parts = text.strip(" ").split("@")
    if len(parts) != 2 or not parts[0]:
        return False
    host = parts[1]
    return any(letter == "." and 0 < place < len(host) - 1 for place, letter in enumerate(host))


def referral_at(referral: Row, end: dt.datetime) -> str:
    """The referral's status as of T."""
    if referral["status"] == "validated" and referral["validated_at"] is not None and referral["validated_at"] >= end:
        return "pending"
    return str(referral["status"])


def lead_activity(raw: Raw, events: Sequence[Row], end: dt.datetime, zone: str) -> list[Row]:
    """One row per lead created before T."""
    tz = ZoneInfo(zone)
    history = end - 365 * DAY
    counted: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in deliveries_of(events):
        if (delivery.sent_at or delivery.first["occurred_at"]) >= history:
            counted[delivery.lead_id].append(delivery)
    human: dict[str, list[dt.datetime]] = defaultdict(list)
    sendings: dict[str, list[dt.datetime]] = defaultdict(list)
    gone: set[str] = set()
    complaining: set[str] = set()
    bounces: dict[str, list[dt.datetime]] = defaultdict(list)
    signs_of_life: dict[str, list[dt.datetime]] = defaultdict(list)
    for event in events:
        if event["event_type"] in HUMAN and not event["is_machine"]:
            signs_of_life[event["lead_id"]].append(event["occurred_at"])
        if event["event_type"] == "bounced":
            bounces[event["lead_id"]].append(event["occurred_at"])
        if event["event_type"] == "complained":
            complaining.add(event["lead_id"])
        if event["event_type"] in HUMAN and not event["is_machine"] and event["occurred_at"] >= history:
            human[event["lead_id"]].append(event["occurred_at"])
        if event["event_type"] == "sent" and event["occurred_at"] >= history:
            sendings[event["lead_id"]].append(event["occurred_at"])
        if event["event_type"] == "unsubscribed":
            gone.add(event["lead_id"])
    rows = []
    any_address = any(lead["email"] is not None or is_address(lead["lead_id"]) for lead in raw.leads)
    for lead in raw.leads:
        mine = counted[lead["lead_id"]]
        engaged = human[lead["lead_id"]]
        referrals = [
            referral_at(referral, end) for referral in raw.referrals if referral["referrer_lead_id"] == lead["lead_id"]
        ]

        def within(times: Iterable[dt.datetime | None], days: int) -> int:
            return sum(time is not None and time >= end - days * DAY for time in times)

        sent = [delivery.sent_at for delivery in mine if delivery.sent_at]
        opened = [delivery.opened_at for delivery in mine if delivery.opened_at]
        completed = [delivery.completed_at for delivery in mine if delivery.completed_at]
        responses = [delivery.response_hours for delivery in mine if delivery.response_hours is not None]
        latest = max(
            (delivery for delivery in mine if delivery.opened_at),
            key=lambda delivery: (delivery.opened_at, delivery.delivery_id),
            default=None,
        )
        local = [time.astimezone(tz) for time in engaged]
        last_engaged = max(engaged, default=None)
        rate = share(len(completed), len(sent))
        status, is_dated = status_at(lead, raw.status_changes, end, raw.state)
        left = lead["merged_unsubscribed_at"]
        is_unsubscribed = (
            lead["lead_id"] in gone or lead["unsubscribed_unreadable"] or (left is not None and left < end)
        )
        bounced = max(bounces[lead["lead_id"]], default=None)
        is_bounced = bounced is not None and not any(time > bounced for time in signs_of_life[lead["lead_id"]])
        has_complained = lead["lead_id"] in complaining
        reachable = is_address(lead["email"]) or is_address(lead["lead_id"]) or not any_address
        rows.append(
            {
                "lead_id": lead["lead_id"],
                "email": lead["email"],
                "source": lead["source"],
                "platform": platform_of(lead),
                "channel": channel_of(lead),
                "channel_class": class_of(lead),
                "interest_area": lead["interest_area"],
                "status": status,
                "status_is_dated": is_dated,
                "base_score": lead["engagement_score"],
                "created_at": lead["merged_created_at"],
                "is_unsubscribed": is_unsubscribed,
                "is_bounced": is_bounced,
                "has_complained": has_complained,
                "may_be_mailed": reachable and not (is_unsubscribed or is_bounced or has_complained),
                "age_days": whole_days(lead["merged_created_at"], end),
                "deliveries_total": len(sent),
                "deliveries_7d": within(sent, 7),
                "deliveries_30d": within(sent, 30),
                "opens_total": len(opened),
                "opens_7d": within(opened, 7),
                "completions_total": len(completed),
                "completions_7d": within(completed, 7),
                "consumed_30d": within(opened, 30),
                "completion_rate": None if rate is None else min(Fraction(1), rate),
                "avg_response_hours": sum(responses) / len(responses) if responses else None,
                "latest_response_hours": latest.response_hours if latest else None,
                "business_hours_share": share(sum(9 <= time.hour <= 17 for time in local), len(local)),
                "weekday_share": share(sum(time.weekday() < 5 for time in local), len(local)),
                "last_sent_at": max(sendings[lead["lead_id"]], default=None),
                "last_engaged_at": last_engaged,
                "days_since_engagement": None if last_engaged is None else whole_days(last_engaged, end),
                "days_inactive": whole_days(last_engaged or lead["merged_created_at"], end),
                "consumed_content_types": sorted({delivery.content_type for delivery in mine if delivery.completed_at}),
                "referrals_generated": sum(status in ("pending", "validated") for status in referrals),
                "referrals_validated": sum(status == "validated" for status in referrals),
            }
        )
    return rows


def daily_metrics(raw: Raw, deliveries: Sequence[Delivery], day: dt.date, zone: str) -> list[Row]:
    """One row per business day of the 90 up to the day."""
    leads = raw.leads
    known = {lead["lead_id"] for lead in leads}
    referrals = [referral for referral in raw.referrals if referral["referrer_lead_id"] in known]
    rows = []
    for ago in range(89, -1, -1):
        that = day - dt.timedelta(days=ago)
        start, end = start_of_day(that, zone), end_of_day(that, zone)

        def on_it(time: dt.datetime | None, start: dt.datetime = start, end: dt.datetime = end) -> bool:
            return time is not None and start <= time < end

        sent = [delivery for delivery in deliveries if on_it(delivery.sent_at)]
        created = [referral for referral in referrals if on_it(referral["created_at"])]
        rows.append(
            {
                "day": that,
                "new_leads": sum(on_it(lead["merged_created_at"]) for lead in leads),
                "deliveries_sent": len(sent),
                "opened_24h": sum(
                    delivery.response_hours is not None and delivery.response_hours < 24 for delivery in sent
                ),
                "completions": sum(on_it(delivery.completed_at) for delivery in deliveries),
                "referrals_created": len(created),
                "referrals_fraud": sum(referral["status"] == "fraud" for referral in created),
                "leads_engaged": sum(on_it(lead["merged_engaged_at"]) for lead in leads),
                "leads_converted": sum(on_it(lead["merged_converted_at"]) for lead in leads),
            }
        )
    return rows


# ---- section 4.1 ----------------------------------------------------------------------------------------------------


def dynamic_scores(activity: Sequence[Row], day: dt.date, end: dt.datetime, lake: Lake) -> list[Row]:
    """One explained score per lead."""
    rows = []
    for lead in activity:
        latest = lead["latest_response_hours"]
        base = lead["base_score"]
        points = {
            "recent_activity_points": 2 * lead["completions_7d"] + Fraction(lead["opens_7d"], 2),
            "response_points": 0 if latest is None else 3 if latest < 2 else 1 if latest < 24 else 0,
            "referral_points": 5 * lead["referrals_generated"],
            "consistency_points": 2
            if lead["consumed_30d"] >= 3
            and Fraction(lead["consumed_30d"], min(30, max(1, lead["age_days"]))) > Fraction(1, 5)
            else 0,
            "decay_points": -Fraction(max(0, lead["days_inactive"] - 14), 2),
        }
        status_points = {"engaged": 10, "nurturing": 2}.get(lead["status"], 0)
        published_base = half_up(base)
        assert published_base is not None
        earned = max(Fraction(0), base + sum(points.values()))
        computed = half_up(min(Fraction(100), max(Fraction(0), earned + status_points)))
        assert computed is not None
        previous = half_up(min(Fraction(100), max(Fraction(0), base)))
        for ago in range(1, 8):
            scores = lake.scores.get(day - dt.timedelta(days=ago), {})
            if lead["lead_id"] in scores:
                previous = scores[lead["lead_id"]]
                break
        assert previous is not None
        month = end - 30 * DAY
        is_analysed = lead["created_at"] >= end - 90 * DAY and (
            (lead["last_sent_at"] is not None and lead["last_sent_at"] >= month)
            or (lead["last_engaged_at"] is not None and lead["last_engaged_at"] >= month)
            or lead["last_sent_at"] is None
        )
        candidate = computed if is_analysed else min(previous, computed)
        is_updated = abs(candidate - previous) > 1
        rows.append(
            {
                "lead_id": lead["lead_id"],
                "base_score": published_base,
                **points,
                "status_points": status_points,
                "clamp_adjustment": computed - published_base - sum(points.values()) - status_points,
                "computed_score": computed,
                "previous_score": previous,
                "is_analysed": is_analysed,
                "score": candidate if is_updated else previous,
                "is_updated": is_updated,
            }
        )
    return rows


# ---- section 4.2 ----------------------------------------------------------------------------------------------------


def behavior_predictions(activity: Sequence[Row], score: Mapping[str, Fraction]) -> list[Row]:
    """How probable a conversion is, for leads that are neither converted nor inactive."""
    rows = []
    for lead in activity:
        if lead["status"] in ("converted", "inactive"):
            continue
        hours, since = lead["avg_response_hours"], lead["days_since_engagement"]
        points = {
            "engagement_points": 40 * min(Fraction(1), score[lead["lead_id"]] / 8),
            "completion_points": 30 * (lead["completion_rate"] or Fraction(0)),
            "response_points": 0 if hours is None else 15 if hours < 2 else 10 if hours < 24 else 0,
            "business_hours_points": 10 if (lead["business_hours_share"] or 0) > Fraction(6, 10) else 0,
            "weekday_points": 5 if (lead["weekday_share"] or 0) > Fraction(7, 10) else 0,
            "recency_points": 0 if since is None else 10 if since < 3 else 5 if since < 7 else 0,
        }
        probability = half_up(min(Fraction(95), Fraction(sum(points.values()))))
        assert probability is not None
        if probability > 70:
            action = "likely_to_convert"
        elif probability >= 50:
            action = "needs_nurturing"
        elif probability >= 30:
            action = "needs_engagement"
        else:
            action = "needs_re_engagement"
        rows.append(
            {
                "lead_id": lead["lead_id"],
                "status": lead["status"],
                "engagement_score": score[lead["lead_id"]],
                "completion_rate": lead["completion_rate"],
                "avg_response_hours": hours,
                "business_hours_share": lead["business_hours_share"],
                **{name: half_up(value) for name, value in points.items()},
                "conversion_probability": probability,
                "predicted_next_action": action,
            }
        )
    return rows


# ---- section 4.3 ----------------------------------------------------------------------------------------------------

ITEMS: dict[str, tuple[str, str, str, str]] = {  # rule: type, title, reason, id in the shipped catalogue
    "interest_marketing": (
        "guide",
        "Guía Avanzada de Marketing Digital",
        "Basado en tu área de interés",
        "guide-marketing-avanzada",
    ),
    "interest_sales": (
        "video",
        "Técnicas Avanzadas de Ventas",
        "Basado en tu área de interés",
        "video-tecnicas-ventas",
    ),
    "complement_guides": (
        "guide",
        "Guía Completa del Tema",
        "Complementa los artículos que has leído",
        "guide-completa-tema",
    ),
    "complement_videos": (
        "video",
        "Video Tutorial Exclusivo",
        "Diversifica tu aprendizaje",
        "video-tutorial-exclusivo",
    ),
    "high_engagement": (
        "case_study",
        "Casos de Éxito Avanzados",
        "Para leads de alto engagement",
        "case-study-exito-avanzados",
    ),
    "near_conversion": (
        "webinar",
        "Webinar Exclusivo: Próximos Pasos",
        "Estás cerca de convertir",
        "webinar-proximos-pasos",
    ),
    "premium": (
        "ebook",
        "Ebook Premium: Estrategias Avanzadas",
        "Contenido avanzado para usuarios activos",
        "ebook-estrategias-avanzadas",
    ),
}


def ids_of(kind: str, title: str, content: Sequence[Row]) -> set[str]:
    """The ids of the content rows of a type and title; of several the smallest is recommended."""
    return {item["content_id"] for item in content if (item["content_type"], item["title"]) == (kind, title)}


def possible_ids(content: Sequence[Row]) -> set[str]:
    """The ids of all that any rule recommends."""
    return {
        content_id
        for kind, title, _, shipped_id in ITEMS.values()
        for content_id in {shipped_id, *ids_of(kind, title, content)}
    }


def content_recommendations(
    activity: Sequence[Row],
    score: Mapping[str, Fraction],
    deliveries: Sequence[Delivery],
    content: Sequence[Row],
) -> list[Row]:
    """Up to five items for each lead that is new, nurturing or engaged and may be written to."""
    done: dict[str, set[str]] = defaultdict(set)
    possible = possible_ids(content)
    for delivery in deliveries:
        named = [event["content_id"] for event in delivery.events if event["content_id"] in possible]
        for event in delivery.events:
            if event["event_type"] == "completed" and not event["is_machine"]:
                done[delivery.lead_id].add(event["content_id"] or min(named, default=""))
    rows = []
    for lead in activity:
        if lead["status"] not in ("new", "nurturing", "engaged"):
            continue
        if lead["is_unsubscribed"] or lead["is_bounced"] or lead["has_complained"]:
            continue
        types = lead["consumed_content_types"]
        points = score[lead["lead_id"]]
        holds = {
            "interest_marketing": lead["interest_area"] == "marketing",
            "interest_sales": lead["interest_area"] == "sales",
            "complement_guides": "blog" in types and "guide" not in types,
            "complement_videos": lead["completions_total"] >= 3 and "video" not in types,
            "high_engagement": points >= 8,
            "near_conversion": lead["status"] == "nurturing" and points >= 7,
            "premium": lead["completions_total"] >= 5,
        }
        completed = done[lead["lead_id"]]
        rank = 0
        for rule, (kind, title, reason, shipped_id) in ITEMS.items():
            content_id = min(ids_of(kind, title, content), default=shipped_id)
            if not holds[rule] or content_id in completed or rank == 5:
                continue
            rank += 1
            rows.append(
                {
                    "lead_id": lead["lead_id"],
                    "rank": rank,
                    "rule": rule,
                    "content_type": kind,
                    "title": title,
                    "reason": reason,
                    "content_id": content_id,
                }
            )
    return rows


# ---- section 4.4 ----------------------------------------------------------------------------------------------------

SEGMENTS: dict[str, tuple[str, Callable[[Row, Fraction], bool]]] = {
    "high_value_prospects": (
        "Leads de alto valor en nurturing",
        lambda lead, score: score >= 10 and lead["status"] == "nurturing",
    ),
    "quick_responders": (
        "Leads que responden rápidamente",
        lambda lead, score: lead["avg_response_hours"] is not None and lead["avg_response_hours"] < 2,
    ),
    "content_consumers": (
        "Leads que consumen mucho contenido",
        lambda lead, score: lead["completions_total"] >= 3,
    ),
    "referral_champions": (
        "Leads que generan múltiples referidos",
        lambda lead, score: lead["referrals_validated"] >= 2,
    ),
    "at_risk": (
        "Leads en riesgo de abandono",
        lambda lead, score: lead["status"] == "nurturing" and score < 3 and lead["age_days"] >= 30,
    ),
    "ready_to_convert": (
        "Leads listos para convertir",
        lambda lead, score: score >= 8 and lead["status"] == "nurturing" and lead["completions_total"] >= 5,
    ),
}


def lead_segments(activity: Sequence[Row], score: Mapping[str, Fraction]) -> set[tuple[str, str]]:
    """Who is in which segment."""
    return {
        (segment, lead["lead_id"])
        for segment, (_, holds) in SEGMENTS.items()
        for lead in activity
        if holds(lead, score[lead["lead_id"]])
    }


def segment_changes(today: set[tuple[str, str]], day: dt.date, lake: Lake) -> set[tuple[str, str, str]]:
    """Who entered and who left since the newest partition of the seven days before."""
    for ago in range(1, 8):
        before = lake.segments.get(day - dt.timedelta(days=ago))
        if before is not None:
            entered = {(segment, lead, "entered") for segment, lead in today - before}
            return entered | {(segment, lead, "left") for segment, lead in before - today}
    return set()


# ---- section 4.5 ----------------------------------------------------------------------------------------------------

RECOMMENDATIONS = {
    "engagement_drop": "Revisar contenido y timing de envíos",
    "high_fraud_rate": "Revisar y fortalecer validaciones anti-fraude",
    "lead_generation_drop": "Revisar canales de adquisición y campañas",
    "unusual_behavior": "Revisar calidad de emails y considerar pausar envíos",
}


def two_proportions(last: int, of_last: int, before: int, of_before: int) -> float | None:
    """One-sided pooled z test: the last rate is below the one before."""
    pooled = (last + before) / (of_last + of_before)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / of_last + 1 / of_before))
    if spread == 0:
        return None
    return NormalDist().cdf((last / of_last - before / of_before) / spread)


def conditional_poisson(last: int, before: int) -> Fraction:
    """P(X <= last) where X is binomial over all of them, with one half each."""
    total = last + before
    return Fraction(sum(math.comb(total, k) for k in range(last + 1)), 2**total)


def anomalies(
    metrics: Sequence[Row],
    first_lead: dt.date | None,
    first_delivery: dt.date | None,
    deliveries: Sequence[Delivery],
    day: dt.date,
    end: dt.datetime,
) -> list[Row]:
    """What is wrong with the day; numbers exact, in percent or leads per day."""
    by_day = {row["day"]: row for row in metrics}

    def total(column: str, *agos: int) -> int:
        return sum(int(by_day[day - dt.timedelta(days=ago)][column]) for ago in agos)

    last, before = (0, 1, 2), (3, 4, 5)
    season = [ago + 7 * week for ago in last for week in (1, 2, 3, 4)]
    mailed_last, mailed_before, mailed_season = ([ago + 1 for ago in some] for some in (last, before, season))
    found: list[Row] = []

    def add(kind: str, severity: str, observed: Fraction, baseline: Fraction | None, **more: Any) -> None:
        found.append(
            {
                "type": kind,
                "severity": severity,
                "recommendation": RECOMMENDATIONS[kind],
                "observed": observed,
                "baseline": baseline,
                "seasonal_baseline": more.get("seasonal"),
                "change": None if baseline is None else observed / baseline - 1,
                "p_value": more.get("p"),
                "affected_leads": more.get("affected"),
                "window_start": day - dt.timedelta(days=more.get("days", 3) - 1 + more.get("behind", 0)),
                "window_end": day - dt.timedelta(days=more.get("behind", 0)),
            }
        )

    sent_last, sent_before = total("deliveries_sent", *mailed_last), total("deliveries_sent", *mailed_before)
    opened_last, opened_before = total("opened_24h", *mailed_last), total("opened_24h", *mailed_before)
    if sent_last >= 50 and sent_before >= 50:
        rate, rate_before = Fraction(opened_last, sent_last), Fraction(opened_before, sent_before)
        seasonal = None
        if first_delivery is not None and first_delivery <= day - dt.timedelta(days=31):
            seasonal = share(total("opened_24h", *mailed_season), total("deliveries_sent", *mailed_season))
        p = two_proportions(opened_last, sent_last, opened_before, sent_before)
        if (
            rate < rate_before * Fraction(7, 10)
            and p is not None
            and p < 0.05
            and (seasonal is None or rate < seasonal * Fraction(7, 10))
        ):
            add(
                "engagement_drop",
                "high",
                100 * rate,
                100 * rate_before,
                seasonal=None if seasonal is None else 100 * seasonal,
                p=p,
                behind=1,
            )
    week = range(7)
    referrals, fraud = total("referrals_created", *week), total("referrals_fraud", *week)
    if referrals > 10 and Fraction(fraud, referrals) > Fraction(20, 100):
        add("high_fraud_rate", "high", 100 * Fraction(fraud, referrals), Fraction(20), days=7)
    leads_last, leads_before = total("new_leads", *last), total("new_leads", *before)
    if leads_before >= 10 and leads_last < leads_before * Fraction(6, 10):
        seasonal = None
        if first_lead is not None and first_lead <= day - dt.timedelta(days=30):
            seasonal = Fraction(total("new_leads", *season), 4)
        p_value = conditional_poisson(leads_last, leads_before)
        if p_value < Fraction(5, 100) and (seasonal is None or leads_last < seasonal * Fraction(6, 10)):
            add(
                "lead_generation_drop",
                "medium",
                Fraction(leads_last, 3),
                Fraction(leads_before, 3),
                seasonal=None if seasonal is None else seasonal / 3,
                p=p_value,
            )
    silent = 0
    by_lead: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        if delivery.sent_at is not None and end - 7 * DAY <= delivery.sent_at < end:
            by_lead[delivery.lead_id].append(delivery)
    for mine in by_lead.values():
        silent += len(mine) >= 10 and all(delivery.opened_at is None or delivery.opened_at >= end for delivery in mine)
    if silent:
        add("unusual_behavior", "medium", Fraction(silent), None, affected=silent, days=7)
    return found


# ---- section 4.6 ----------------------------------------------------------------------------------------------------

# A few of each; the lists themselves are the policy's, and tests write none but these.
PLATFORM_NAMES = {
    "facebook": "facebook",
    "fb": "facebook",
    "twitter": "twitter",
    "x": "twitter",
    "linkedin": "linkedin",
    "instagram": "instagram",
    "ig": "instagram",
    "insta": "instagram",
}
PLATFORM_DOMAINS = {
    "facebook.com": "facebook",
    "fb.com": "facebook",
    "twitter.com": "twitter",
    "x.com": "twitter",
    "t.co": "twitter",
    "linkedin.com": "linkedin",
    "lnkd.in": "linkedin",
    "instagram.com": "instagram",
}
OTHER_NETWORKS = ("tiktok", "reddit", "pinterest")
OTHER_DOMAINS = ("tiktok.com", "reddit.com", "pinterest.com")
SOCIAL_WORDS = ("social", "paidsocial", "socialmedia")


def host_of(url: str | None) -> str | None:
    """The host of an address, in lower case, without user and port."""
    if url is None:
        return None
    rest = url.strip().split("//", 1)[-1]
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rsplit("@", 1)[-1].split(":", 1)[0]
    return host.strip(".").lower() or None


def is_below(host: str, domain: str) -> bool:
    """The domain itself, or one below it."""
    return host == domain or host.endswith("." + domain)


def platform_of(lead: Row) -> str | None:
    """The platform that source, utm_source or the referrer names; else social; else null."""
    texts = [text.strip().lower() for text in (lead["source"], lead["utm_source"]) if text is not None]
    host = host_of(lead["referrer_url"])
    for text in [*texts, *([host] if host else [])]:
        if text in PLATFORM_NAMES:
            return PLATFORM_NAMES[text]
        for domain, platform in PLATFORM_DOMAINS.items():
            if is_below(text, domain):
                return platform
        for word in words_of(text) if text != host else []:
            if len(word) >= 3 and word in PLATFORM_NAMES:
                return PLATFORM_NAMES[word]
    for text in [*texts, *([host] if host else [])]:
        if text in OTHER_NETWORKS or any(is_below(text, domain) for domain in OTHER_DOMAINS):
            return "social"
    for text in texts:
        if any(word in SOCIAL_WORDS or word in OTHER_NETWORKS for word in words_of(text)):
            return "social"
    return "social" if any(word in SOCIAL_WORDS for word in words_of(lead["utm_medium"] or "")) else None


def channel_of(lead: Row) -> str:
    """The platform; else the source where one is given (as the class, where it is that word); else the class."""
    source, known_class = lead["source"].strip().lower(), class_of(lead)
    given = None if source == "organic" else source
    if given is not None and re.sub(r"[\s\-_]", "_", given) in CLASSES:
        given = re.sub(r"[\s\-_]", "_", given)
    return platform_of(lead) or given or ("organic" if known_class == "unknown" else known_class)


CLASSES = (
    *("paid_search", "paid_social", "paid_other", "organic_search", "organic_social", "email", "sms", "push"),
    *("affiliate", "ai_assistant", "video", "shopping", "referral", "direct", "unknown"),
)
SEARCH_NAMES, SEARCH_DOMAINS = ("google", "bing"), ("google.com", "bing.com")


def class_of(lead: Row) -> str:
    """The class of the channel: the first rule that holds. Of the lists only what worlds hold is known."""
    source = lead["source"].strip().lower()
    texts = [(lead["utm_source"] or "").strip().lower(), "" if source == "organic" else source]
    host, medium = host_of(lead["referrer_url"]) or "", words_of(lead["utm_medium"] or "")
    kinds = [kind for kind in (*map(network_of, texts), network_of(host)) if kind]
    says_social = any(word in SOCIAL_WORDS for text in texts if "." not in text for word in words_of(text))
    is_email = "email" in medium or "newsletter" in texts
    links = " ".join(lead[name] or "" for name in ("landing_url", "referrer_url", "click_ids"))
    if any(word.startswith("paid") for word in medium):
        return "paid_social" if "social" in "".join(medium) or "organic_social" in kinds else "paid_other"
    if "gclid=" in links:
        if kinds[:1] == ["organic_search"]:
            return "paid_search"
        if not (kinds or says_social or is_email or medium):
            return "paid_other" if host else "paid_search"  # on a page that nobody knows, an ad is on display
    if is_email:
        return "email"
    if any(word in SOCIAL_WORDS for word in medium):
        return "organic_social"
    if kinds:
        return kinds[0]
    if says_social or "fbclid" in links:
        return "organic_social"
    return "referral" if "." in host or any("." in text for text in texts) else "unknown"


def network_of(text: str) -> str | None:
    """The class of the network that a name or host is of."""
    domains = (*PLATFORM_DOMAINS, *OTHER_DOMAINS)
    if text in PLATFORM_NAMES or text in OTHER_NETWORKS or any(is_below(text, domain) for domain in domains):
        return "organic_social"
    is_search = text in SEARCH_NAMES or any(is_below(text, domain) for domain in SEARCH_DOMAINS)
    return "organic_search" if is_search else None


def words_of(text: str) -> list[str]:
    """The words of a text, split at anything but letters and digits."""
    return re.findall(r"[^\W_]+", text.lower())


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a rate, as shares."""
    z = NormalDist().inv_cdf(0.975)
    rate = hits / of
    middle = rate + z * z / (2 * of)
    spread = z * math.sqrt(rate * (1 - rate) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def percent(part: int, of: int, places: int = 1) -> Fraction:
    """A rate in percent."""
    rounded = half_up(Fraction(100 * part, of), places) if of else Fraction(0)
    assert rounded is not None
    return rounded


def social_performance(activity: Sequence[Row], score: Mapping[str, Fraction], end: dt.datetime) -> list[Row]:
    """One row per channel of the leads created in the last 30 days."""
    channels: dict[tuple[str, bool], list[Row]] = defaultdict(list)
    for lead in activity:
        if lead["created_at"] >= end - 30 * DAY:
            channels[lead["channel"], lead["platform"] is not None].append(lead)
    rows = []
    for (channel, is_social), leads in sorted(channels.items()):
        engaged = sum(lead["status"] in ("engaged", "converted") for lead in leads)
        low, high = wilson(engaged, len(leads))
        rows.append(
            {
                "channel": channel,
                "is_social": is_social,
                "total_leads": len(leads),
                "engaged_leads": engaged,
                "engagement_rate": percent(engaged, len(leads)),
                "engagement_rate_low": half_up(Fraction(100 * low), 1),
                "engagement_rate_high": half_up(Fraction(100 * high), 1),
                "avg_engagement_score": half_up(Fraction(sum(score[lead["lead_id"]] for lead in leads)) / len(leads)),
                "referrals_generated": sum(lead["referrals_generated"] for lead in leads),
                "referral_rate": percent(sum(lead["referrals_generated"] > 0 for lead in leads), len(leads)),
            }
        )
    return rows


# ---- section 5 ------------------------------------------------------------------------------------------------------


def reports_of(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The six reports, named after the document's tasks; without the texts of anomalies."""
    lead = {row["lead_id"]: row for row in tables["lead_activity"]}
    score = {row["lead_id"]: row["score"] for row in tables["dynamic_scores"]}
    updated = [row for row in tables["dynamic_scores"] if row["is_updated"]]
    changes = {row["lead_id"]: row["score"] - row["previous_score"] for row in updated}
    predictions = tables["behavior_predictions"]
    actions = Counter(row["predicted_next_action"] for row in predictions)
    items: dict[str, list[Row]] = defaultdict(list)
    for row in tables["content_recommendations"]:
        items[row["lead_id"]].append(row)
    members: dict[str, list[str]] = {segment: [] for segment in SEGMENTS}
    for segment, lead_id in tables["lead_segments"]:
        members[segment].append(lead_id)
    largest = max(SEGMENTS, key=lambda segment: len(members[segment]))  # of equals the first
    channels = tables["social_performance"]
    platforms = [row for row in channels if row["is_social"]]
    candidates = [row for row in platforms if row["total_leads"] >= 30]
    best = min(candidates, key=lambda row: (-row["engagement_rate"], -row["total_leads"], row["channel"]), default=None)
    social_leads = sum(row["total_leads"] for row in platforms)
    social_engaged = sum(row["engaged_leads"] for row in platforms)
    all_leads = sum(row["total_leads"] for row in channels)
    types = Counter(row["content_type"] for row in tables["content_recommendations"])

    def by_score(lead_ids: Iterable[str]) -> list[str]:
        return sorted(lead_ids, key=lambda lead_id: (-score[lead_id], lead_id))

    return {
        "dynamic_scoring_system": {
            "updated": len(updated),
            "total_analyzed": sum(row["is_analysed"] for row in tables["dynamic_scores"]),
            "avg_score_change": half_up(Fraction(sum(changes.values())) / len(updated)) if updated else 0,
            "increased": sum(change > 0 for change in changes.values()),
            "decreased": sum(change < 0 for change in changes.values()),
            "score_changes": [
                {
                    "lead_id": row["lead_id"],
                    "email": lead[row["lead_id"]]["email"],
                    "old_score": row["previous_score"],
                    "new_score": row["score"],
                    "change": changes[row["lead_id"]],
                }
                for row in sorted(updated, key=lambda row: (-abs(changes[row["lead_id"]]), row["lead_id"]))[:20]
            ],
        },
        "predictive_behavior_analysis": {
            "predictions": [
                {
                    "lead_id": row["lead_id"],
                    "current_status": lead[row["lead_id"]]["status"],
                    "conversion_probability": row["conversion_probability"],
                    "predicted_next_action": row["predicted_next_action"],
                    "factors": {
                        "engagement_score": score[row["lead_id"]],
                        "completion_rate": times_100(lead[row["lead_id"]]["completion_rate"]),
                        "avg_response_time_hours": half_up(lead[row["lead_id"]]["avg_response_hours"]),
                        "business_hours_activity": times_100(lead[row["lead_id"]]["business_hours_share"]),
                    },
                }
                for row in sorted(predictions, key=lambda row: (-row["conversion_probability"], row["lead_id"]))[:50]
            ],
            "total_analyzed": len(predictions),
            "action_distribution": {
                action: actions[action]
                for action in ("likely_to_convert", "needs_nurturing", "needs_engagement", "needs_re_engagement")
            },
            "high_probability_leads": actions["likely_to_convert"],
        },
        "personalized_content_recommendations": {
            "recommendations": [
                {
                    "lead_id": lead_id,
                    "email": lead[lead_id]["email"],
                    "interest_area": lead[lead_id]["interest_area"],
                    "engagement_score": score[lead_id],
                    "consumed_content_types": lead[lead_id]["consumed_content_types"],
                    "recommended_content": [
                        {"type": row["content_type"], "title": row["title"], "reason": row["reason"]}
                        for row in sorted(items[lead_id], key=lambda row: row["rank"])
                    ],
                    "total_recommendations": len(items[lead_id]),
                }
                for lead_id in by_score(items)[:30]
            ],
            "total_leads": len(items),
            "content_type_distribution": dict(types),
            "avg_recommendations_per_lead": half_up(Fraction(sum(types.values()), len(items))) if items else 0,
        },
        "advanced_segmentation_engine": {
            "segments": {
                segment: {
                    "count": len(members[segment]),
                    "description": description,
                    "sample_leads": [
                        {
                            "lead_id": lead_id,
                            "email": lead[lead_id]["email"],
                            "engagement_score": score[lead_id],
                        }
                        for lead_id in by_score(members[segment])[:10]
                    ],
                }
                for segment, (description, _) in SEGMENTS.items()
            },
            "total_segments": len(SEGMENTS),
            "total_segmented_leads": len({lead_id for _, lead_id in tables["lead_segments"]}),
            "largest_segment": {"name": largest, "count": len(members[largest])} if members[largest] else None,
        },
        "anomaly_detection": {
            "anomalies": [
                {
                    name: row[name]
                    for name in ("type", "severity", "recommendation", "affected_leads")
                    if row[name] is not None
                }
                for row in tables["anomalies"]
            ],
            "total_detected": len(tables["anomalies"]),
            "high_severity": sum(row["severity"] == "high" for row in tables["anomalies"]),
            "medium_severity": sum(row["severity"] == "medium" for row in tables["anomalies"]),
        },
        "social_media_tracking": {
            "social_platforms": [
                {
                    "platform": row["channel"],
                    **{
                        name: row[name]
                        for name in (
                            "total_leads",
                            "engaged_leads",
                            "engagement_rate",
                            "avg_engagement_score",
                            "referrals_generated",
                            "referral_rate",
                        )
                    },
                }
                for row in platforms
            ],
            "total_social_leads": social_leads,
            "best_platform": best and {"platform": best["channel"], "engagement_rate": best["engagement_rate"]},
            "channel_comparison": {
                "social_media": {
                    "total": social_leads,
                    "engaged": social_engaged,
                    "engagement_rate": percent(social_engaged, social_leads),
                },
                **{
                    row["channel"]: {
                        "total": row["total_leads"],
                        "engaged": row["engaged_leads"],
                        "engagement_rate": row["engagement_rate"],
                    }
                    for row in channels
                    if not row["is_social"]
                },
            },
            "social_percentage": percent(social_leads, all_leads),
        },
    }


def times_100(value: Fraction | None) -> Fraction | None:
    """A share as a percentage of two decimals."""
    return None if value is None else half_up(100 * value)


# ---- one day --------------------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """All that a run of one day leaves; without tables where it stopped."""

    accounts: dict[str, Account]
    tables: dict[str, Any] = field(default_factory=dict)
    reports: dict[str, Any] = field(default_factory=dict)


def run(
    source: Tables,
    day: dt.date,
    zone: str = "UTC",
    lake: Lake | None = None,
    *,
    full: bool = False,
    text_file: bool = True,
) -> Outcome:
    """One day from its input to everything that is published; the lake is read and written."""
    lake = Lake() if lake is None else lake
    end = end_of_day(day, zone)
    accounts = ingest(source, day, zone, lake, full, text_file)
    if stops(accounts, lake):
        return Outcome(accounts)
    events = [event for its_day, events in lake.events.items() if its_day <= day for event in events]
    raw = Raw(
        leads=accounts["leads"].accepted,
        referrals=accounts["referrals"].accepted,
        status_changes=accounts["status_changes"].accepted,
        content=accounts["content"].accepted,
        state=State(read_at=end, newest_at=newest_of(source, text_file)),
        aliases={alias["alias_id"]: alias["final_lead_id"] for alias in accounts["aliases"].accepted},
    )
    tables = compute(raw, events, day, zone, lake)
    return Outcome(accounts, tables, reports_of(tables))


def newest_of(source: Tables, text_file: bool) -> dt.datetime | None:
    """The newest time of a source that can be read."""
    times = [
        clean(table, row, text_file)[0].get(column)
        for table, rows in source.items()
        for column in ("created_at", "occurred_at", "changed_at", "updated_at")
        if column in KINDS[table]
        for row in rows
    ]
    times = [time if isinstance(time, dt.datetime) else None for time in times]
    return max((time for time in times if time is not None), default=None)


def compute(raw: Raw, as_read: Sequence[Row], day: dt.date, zone: str, lake: Lake) -> dict[str, Any]:
    """Every table of a day from the raw tables and all accepted events up to it; the lake is read and written."""
    end = end_of_day(day, zone)
    raw, events = resolved(raw, as_read)
    known = {lead["lead_id"] for lead in raw.leads}
    deliveries = [delivery for delivery in deliveries_of(events) if delivery.lead_id in known]
    activity = lead_activity(raw, events, end, zone)
    metrics = daily_metrics(raw, deliveries, day, zone)
    scores = dynamic_scores(activity, day, end, lake)
    score = {row["lead_id"]: row["score"] for row in scores}
    segments = lead_segments(activity, score)
    first_lead = min((day_of(lead["merged_created_at"], zone) for lead in raw.leads), default=None)
    sent = [delivery.sent_at for delivery in deliveries if delivery.sent_at is not None]
    first_delivery = day_of(min(sent), zone) if sent else None
    ended = day  # the last day that has ended when the run starts
    while end_of_day(ended, zone) > raw.state.read_at:
        ended -= dt.timedelta(days=1)
    then = end_of_day(ended, zone)
    there = {lead["lead_id"] for lead in raw.leads if lead["merged_created_at"] < then}
    deliveries_then = [delivery for delivery in deliveries if delivery.lead_id in there]
    tables = {
        "lead_activity": activity,
        "daily_metrics": metrics,
        "metric_history": metric_history(
            {row["day"]: row for row in (*daily_metrics(raw, deliveries, day - dt.timedelta(days=31), zone), *metrics)},
            raw.leads,
            events,
            activity,
            day,
            lambda time: day_of(time, zone),
        ),
        "dynamic_scores": scores,
        "behavior_predictions": behavior_predictions(activity, score),
        "content_recommendations": content_recommendations(activity, score, deliveries, raw.content),
        "lead_segments": segments,
        "segment_changes": segment_changes(segments, day, lake),
        "anomalies": anomalies(metrics, first_lead, first_delivery, deliveries_then, ended, then),
        "social_performance": social_performance(activity, score, end),
    }
    lake.scores[day] = score
    lake.segments[day] = segments
    return tables

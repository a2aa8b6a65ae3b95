"""Generates seeded adversarial inputs: times at window edges, dirty cells, duplicates, unknown leads, mixed deliveries.

What should come out of them is left to oracle/reference.py.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets_tests.oracle.reference import ITEMS, KINDS, UTC, Row, end_of_day, start_of_day

ZONES = (
    "UTC",
    "Europe/Madrid",
    "America/New_York",
    "America/St_Johns",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Pacific/Apia",
    "America/Havana",
)
# Days beside which clocks change in these zones, and ordinary ones.
DAYS = (
    dt.date(2023, 10, 26),
    dt.date(2023, 10, 29),
    dt.date(2024, 3, 10),
    dt.date(2024, 3, 31),
    dt.date(2024, 4, 26),
    dt.date(2024, 11, 3),
    dt.date(2024, 7, 17),
    dt.date(2010, 11, 7),
    dt.date(2011, 12, 31),
)
FORMATS = ("csv", "csv.gz", "jsonl", "text.parquet", "typed.parquet")
MICROSECOND = dt.timedelta(microseconds=1)
EDGE_DAYS = (0, 1, 2, 3, 4, 7, 8, 14, 15, 16, 21, 30, 31, 60, 90, 365, 366, 400)
RESPONSES = (
    dt.timedelta(0),
    -MICROSECOND,
    dt.timedelta(hours=2),
    dt.timedelta(hours=2) - MICROSECOND,
    dt.timedelta(hours=24),
    dt.timedelta(hours=24) - MICROSECOND,
    dt.timedelta(minutes=5),
    dt.timedelta(minutes=61, microseconds=7),
    dt.timedelta(days=5, hours=3),
    -dt.timedelta(hours=1),
)
TYPES = ("blog", "guide", "video", "case_study", "webinar", "ebook", "podcast", None)
SOURCES = (None, "organic", "Facebook", " x ", "fb", "newsletter", "m.facebook.com", "reddit", "social", "notfacebook")
UTM_SOURCES = (None, None, "LinkedIn", "insta", "tiktok.com", "google", "t.co", "x.com.example.org", "ig")
UTM_MEDIA = (None, None, "social", "paid-social", "paidsocial", "Social_Media", "email")
REFERRERS = (
    None,
    None,
    "https://m.facebook.com/page?x=1",
    "https://t.co/abc",
    "http://lnkd.in",
    "https://www.google.com/search?q=facebook.com",
    "https://facebook.com.evil.example/",
    "https://user@x.com:443/path",
    "LINKEDIN.com/feed",
    "https://old.reddit.com/r/all",
)
AREAS = (None, "marketing", " Marketing ", "sales", "SALES", "finance")
STATUSES = (
    "new",
    "nurturing",
    "engaged",
    "converted",
    "inactive",
    "Lead",
    " NURTURING ",
    "mql",
    "hot",
    "closed_won",
    "churned",
    "Customer",
    "nurturing",
    "engaged",
)
SCORES = (
    None,
    "0",
    "1",
    "2.99",
    "3",
    "7.005",
    "2.675",
    "6.995",
    "7.995",
    "8",
    "9.994999",
    "10",
    "99.995",
    "100",
    "150.5",
    "1e1",
    "+5",
    ".5",
    "12.3456",
    "1e12",
    "3e15",
)
EMAILS = (
    None,
    "a,b@example.org",
    'say "hi" <q@example.org>',
    "línea\nnueva@example.org",
    "🚀@example.org",
    "x@example.org",
)
BAD_TIMES = (
    "yesterday",
    "2024-13-01",
    "2024-02-30T00:00:00Z",
    "2024-01-01T25:00:00",
    "1709290000",
    "01/02/2024",
    "2024-01-01T10",
)
BAD_NUMBERS = ("many", "1,5", "12 points", "--3")


@dataclass
class World:
    """A source that changes from run to run: rows with the number of the run that first sees them."""

    zone: str
    days: list[dt.date]
    full: list[bool]
    form: str
    rows: dict[str, list[tuple[int, Row]]] = field(default_factory=dict)

    def seen(self, run: int) -> dict[str, list[Row]]:
        """The rows that a run finds, in reading order."""
        return {table: [row for first, row in rows if first <= run] for table, rows in self.rows.items()}

    @property
    def is_text(self) -> bool:
        """Whether words such as NULL mean a missing value."""
        return not self.form.endswith("parquet")

    @property
    def in_order(self) -> bool:
        """Whether no run is for a day before that of an earlier one."""
        return self.days == sorted(self.days)


class Maker:
    """Makes one world of one seed."""

    def __init__(self, seed: int, leads: tuple[int, int] = (5, 60), events: int = 30) -> None:
        self.random = random.Random(seed)
        pick = self.random.choice
        self.zone = pick(ZONES)
        day = pick(DAYS) + dt.timedelta(days=pick((0, 0, 1, 2, 3, 8)))
        later = [day + dt.timedelta(days=n) for n in (1, 2, 5, 9)]
        days = pick(
            ([day], [day, day], [day, later[0]], [day, *later[:2]], [later[1], day], [day, later[3]], [day, later[2]])
        )
        self.world = World(self.zone, days, [self.random.random() < 0.15 for _ in days], pick(FORMATS))
        self.typed = self.world.form == "typed.parquet"
        self.id_kind = pick(("text", "integer", "float"))
        self.ends = [end_of_day(each, self.zone) for each in days]
        self.n_events = events
        count = self.random.randint(*leads)
        names = [f"L{n:03d}" if self.id_kind == "text" else str(n + 1) for n in range(count)]
        self.random.shuffle(names)
        self.leads = names
        self.dirt = pick((0.0, 0.0, 0.01, 0.02)) if self.typed else pick((0.0, 0.01, 0.02, 0.2))
        self.number = 0

    def make(self) -> World:
        """The world."""
        self.world.rows["leads"] = self.finished("leads", [self.lead(name) for name in self.leads])
        events = [event for name in self.leads for event in self.events(name)]
        self.name_ties(events)
        self.random.shuffle(events)
        self.world.rows["events"] = self.finished("events", events)
        optional = {
            "referrals": [self.referral() for _ in range(self.random.randint(0, 30))],
            "content": self.content(),
            "status_changes": [self.status_change() for _ in range(self.random.randint(0, len(self.leads)))],
        }
        for table, rows in optional.items():
            if self.random.random() < 0.8:
                self.world.rows[table] = self.finished(table, rows)
        return self.world

    # -- values ---------------------------------------------------------------------------------------------------

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def end(self) -> dt.datetime:
        return self.random.choice(self.ends)

    def time(self, youngest: float = 0, oldest: float = 420) -> dt.datetime:
        """A time at an edge, or anywhere."""
        how = self.random.random()
        nudge = self.random.choice((MICROSECOND, -MICROSECOND, dt.timedelta(0), dt.timedelta(0)))
        if how < 0.45:
            fitting = [days for days in EDGE_DAYS if youngest <= days <= oldest] or [youngest]
            return self.end() - dt.timedelta(days=self.random.choice(fitting)) + nudge
        if how < 0.65:  # the edge of a local day, or of business hours
            ago = dt.timedelta(days=self.random.randint(int(youngest), int(min(oldest, 40))))
            day = self.random.choice(self.world.days) - ago
            hours = dt.timedelta(hours=self.random.choice((0, 0, 9, 18)))
            return start_of_day(day, self.zone) + hours + nudge
        span = self.random.choice((3, 10, 40, min(oldest, 420)))
        seconds = self.random.uniform(youngest * 86400, max(youngest + 0.1, span) * 86400)
        return self.end() - dt.timedelta(seconds=round(seconds, self.random.choice((0, 3, 6))))

    def maybe_time(self, share: float) -> dt.datetime | None:
        return self.time(-1) if self.chance(share) else None

    def new_id(self, prefix: str) -> str:
        self.number += 1
        return f"{prefix}{self.number:05d}" if self.id_kind == "text" else str(self.number)

    def any_lead(self) -> str:
        if self.chance(0.01):
            return "stranger" if self.id_kind == "text" else "999999"
        return self.random.choice(self.leads)

    # -- rows -----------------------------------------------------------------------------------------------------

    def lead(self, name: str) -> Row:
        pick = self.random.choice
        return {
            "lead_id": name,
            "email": pick(EMAILS),
            "source": pick(SOURCES),
            "utm_source": pick(UTM_SOURCES),
            "utm_medium": pick(UTM_MEDIA),
            "utm_campaign": pick((None, "spring")),
            "referrer_url": pick(REFERRERS),
            "interest_area": pick(AREAS),
            "status": pick(STATUSES),
            "engagement_score": pick(SCORES)
            if self.chance(0.5)
            else str(round(self.random.uniform(0, 14), self.random.choice((0, 1, 2, 3, 4)))),
            "referrer_lead_id": self.random.choice(self.leads) if self.chance(0.1) else None,
            "created_at": self.time(0 if self.chance(0.97) else -3),
            "engaged_at": self.maybe_time(0.4),
            "converted_at": self.maybe_time(0.3),
            "unsubscribed_at": self.maybe_time(0.05),
            "landing_url": pick((None, "https://example.org/?gclid=1")),
            "click_ids": pick((None, "fbclid")),
            "inactive_at": self.maybe_time(0.3),
            "updated_at": self.maybe_time(0.4),
        }

    def events(self, lead: str) -> list[Row]:
        found: list[Row] = []
        style = self.random.choice(("named", "named", "content", "alone", "mixed"))
        quiet = self.chance(0.2)
        if quiet and self.chance(0.5):
            for _ in range(self.random.choice((9, 10, 11))):
                found += self.delivery(lead, "named", quiet, self.time(0, 7))
        while len(found) < self.random.randint(0, self.n_events):
            found += self.delivery(lead, style, quiet)
            if self.chance(0.08):
                break
        return found

    def delivery(self, lead: str, style: str, quiet: bool, sent: dt.datetime | None = None) -> list[Row]:
        pick = self.random.choice
        if style == "mixed":
            style = pick(("named", "content", "alone"))
        content_type, content_id = pick(TYPES), None
        if self.chance(0.85):
            content_id = (
                pick([item[3] for item in ITEMS.values()] + [f"c{n}" for n in range(6)])
                if self.id_kind == "text"
                else str(self.random.randint(1, 12))
            )
        shared = {
            "lead_id": lead,
            "delivery_id": self.new_id("d") if style == "named" else None,
            "content_id": None if style == "alone" else content_id,
            "content_type": content_type,
        }
        sent = sent or self.time(-0.2)
        plan: list[tuple[str, dt.datetime]] = []
        if self.chance(0.9):
            plan.append(("sent", sent))
            if self.chance(0.1):
                plan.append(("sent", sent + pick((dt.timedelta(days=2), dt.timedelta(hours=1), dt.timedelta(0)))))
        opened = sent + pick(RESPONSES) if self.chance(0.6) else self.time(-0.2)
        if not quiet:
            for kind, share in (("opened", 0.6), ("clicked", 0.4), ("completed", 0.5)):
                if self.chance(share):
                    plan.append((kind, opened + pick((dt.timedelta(0), dt.timedelta(minutes=1), dt.timedelta(days=1)))))
        for kind, share in (("bounced", 0.04), ("unsubscribed", 0.02), ("complained", 0.01)):
            if self.chance(share):
                plan.append((kind, opened))
        rows = []
        for kind, time in plan:
            row: Row = {
                "event_id": self.new_id("e"),
                **shared,
                "event_type": kind,
                "occurred_at": time,
                "is_machine": pick((None, False, False, False, True)),
            }
            if style == "named" and self.chance(0.05):
                row |= pick(({"lead_id": self.any_lead()}, {"content_type": pick(TYPES)}, {"content_id": None}))
            if self.chance(0.1):
                row["event_id"] = None
            rows.append(row)
        return rows

    def name_ties(self, events: Sequence[Row]) -> None:
        """Give ids to events without one that stand at the time of another: which of them is first, the id decides."""
        seen: dict[Any, Row] = {}
        for event in events:
            place = (
                event["delivery_id"],
                event["delivery_id"] or (event["lead_id"], event["content_id"]),
                event["occurred_at"],
            )
            if place in seen:
                for other in (event, seen[place]):
                    other["event_id"] = other["event_id"] or self.new_id("e")
            seen[place] = event

    def referral(self) -> Row:
        return {
            "referral_id": self.new_id("r"),
            "referrer_lead_id": self.any_lead(),
            "referred_email": self.random.choice(EMAILS),
            "status": self.random.choice(("pending", "validated", "VALIDATED", " fraud", "rejected", "fraud")),
            "created_at": self.time(-0.5, 20),
            "validated_at": self.maybe_time(0.4),
            "updated_at": self.maybe_time(0.4),
        }

    def content(self) -> list[Row]:
        rows = []
        for kind, title, _, _ in ITEMS.values():
            count = self.random.choice((0, 0, 0, 1, 1, 2))
            rows += [self.item(kind.upper() if self.chance(0.3) else kind, title) for _ in range(count)]
        return [*rows, *(self.item("blog", f"Blog {n}, «año» 🚀") for n in range(3))]

    def item(self, kind: str, title: str) -> Row:
        content_id = f"c{self.number % 6}x{self.new_id('')}" if self.id_kind == "text" else self.new_id("")
        if self.chance(0.5):
            content_id = str(100000 + self.number) if self.id_kind != "text" else f"c{self.random.randint(0, 5)}"
        return {
            "content_id": content_id,
            "content_type": kind,
            "title": title,
            "url": "https://example.org/",
            "interest_area": self.random.choice(AREAS),
            "published_at": self.maybe_time(0.5),
            "updated_at": self.maybe_time(0.4),
        }

    def status_change(self) -> Row:
        return {"lead_id": self.any_lead(), "status": self.random.choice(STATUSES), "changed_at": self.time(-1, 30)}

    # -- dirt and rendering ---------------------------------------------------------------------------------------

    def finished(self, table: str, rows: list[Row]) -> list[tuple[int, Row]]:
        """The rows as a file holds them, with dirt, repetitions and the run that first sees each."""
        found: list[tuple[int, Row]] = []
        for row in rows:
            first = self.random.choice((0, 0, 0, *range(len(self.world.days))))
            rendered = self.rendered(table, self.dirtied(table, row))
            found.append((first, rendered))
            if self.chance(0.02):
                found.append((first, dict(rendered)))
            if self.chance(0.01):
                again = dict(row, **({"email": "other@example.org"} if table == "leads" else {}))
                if table == "events" and not self.typed:
                    again["event_type"] = "bounced"
                found.append((first, self.rendered(table, again)))
        return found

    def dirtied(self, table: str, row: Row) -> Row:
        if not self.chance(self.dirt):
            return row
        kinds = KINDS[table]
        column = self.random.choice([name for name in kinds if name != "event_id"])
        kind = kinds[column]
        choices: list[Any] = [None]
        if kind in ("status", "event_type", "referral_status"):
            choices += ["whatever", "42"]
        if kind == "number":
            choices += ["-0.01", "-5"]
        if not self.typed:
            choices += (
                list(BAD_TIMES)
                if kind == "time"
                else list(BAD_NUMBERS)
                if kind == "number"
                else ["perhaps"]
                if kind == "flag"
                else []
            )
        return {**row, column: self.random.choice(choices)}

    def rendered(self, table: str, row: Row) -> Row:
        if self.typed:
            return {name: self.typed_cell(KINDS[table][name], value) for name, value in row.items()}
        return {name: self.text_cell(KINDS[table][name], value) for name, value in row.items()}

    def typed_cell(self, kind: str, value: Any) -> Any:
        if value is None:
            return None
        if kind in ("id", "lead") and self.id_kind != "text":
            return float(value) if self.id_kind == "float" else int(value)
        if kind == "number":
            return float(value)
        return value

    def text_cell(self, kind: str, value: Any) -> Any:
        form = self.world.form
        if value is None:
            if form == "jsonl":
                return self.random.choice((None, "", "NaN"))
            if form == "text.parquet":
                return self.random.choice((None, "", "  "))
            return self.random.choice(("", "", "null", "NULL", "NaN", "nan", "\\N", "  "))
        if isinstance(value, dt.datetime):
            return self.written(value)
        if kind in ("id", "lead") and self.id_kind != "text" and str(value).isdigit():
            if form == "jsonl":
                return self.random.choice((int(value), float(value), str(value)))
            return f"{value}.0" if self.id_kind == "float" or self.chance(0.2) else str(value)
        if isinstance(value, bool):
            if form == "jsonl":
                return value
            return self.random.choice(("true", "True", "TRUE") if value else ("false", "False", " false"))
        if kind == "number" and form == "jsonl" and self.chance(0.5):
            try:
                return float(value)
            except ValueError:
                return value
        return value

    def written(self, time: dt.datetime) -> str:
        """A time in one of the ways to write it."""
        zone = self.random.choice(("Z", "", "+00:00", "+02:00", "-03:30", "+0545", "+14"))
        digits = zone[1:].replace(":", "") if zone not in ("Z", "") else "0"
        offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0)) * (-1 if zone[:1] == "-" else 1)
        local = time.replace(tzinfo=None) + offset
        between = self.random.choice(("T", " "))
        if not zone and local.time() == dt.time() and self.chance(0.5):
            return local.date().isoformat()
        text = local.strftime(f"%Y-%m-%d{between}%H:%M")
        if local.second or local.microsecond or self.chance(0.7):
            text += local.strftime(":%S")
            if local.microsecond:
                fraction = f"{local.microsecond:06d}"
                fraction = (
                    fraction.rstrip("0") if self.chance(0.5) else fraction + self.random.choice(("", "000", "999"))
                )
                text += f".{fraction}"
        return text + zone


def make(seed: int, leads: tuple[int, int] = (5, 60), events: int = 30) -> World:
    """The world of a seed."""
    return Maker(seed, leads, events).make()


# ---- files ----------------------------------------------------------------------------------------------------------

ARROW = {"number": pa.float64(), "flag": pa.bool_(), "time": pa.timestamp("us", tz="UTC")}


def write(folder: Path, tables: Mapping[str, Sequence[Row]], form: str = "csv") -> None:
    """Write tables as files of a form, in the place of those that were there."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for table, rows in tables.items():
        columns = list(rows[0]) if rows else list(KINDS[table])
        if form in ("csv", "csv.gz"):
            opener = gzip.open if form == "csv.gz" else open
            with opener(folder / f"{table}.{form}", "wt", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, columns)
                writer.writeheader()
                writer.writerows(rows)
        elif form == "jsonl":
            lines = [json.dumps(row, ensure_ascii=False, default=str) for row in rows]
            (folder / f"{table}.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        else:
            fields = [
                pa.field(name, _arrow(form, KINDS[table].get(name), [row[name] for row in rows])) for name in columns
            ]
            pq.write_table(pa.Table.from_pylist(list(rows), schema=pa.schema(fields)), folder / f"{table}.parquet")


def _arrow(form: str, kind: str | None, values: Sequence[Any]) -> pa.DataType:
    if form == "typed.parquet":
        if kind in ARROW:
            return ARROW[kind]
        if kind in ("id", "lead") and any(isinstance(value, float) for value in values):
            return pa.float64()
        if kind in ("id", "lead") and any(isinstance(value, int) for value in values):
            return pa.int64()
    return pa.string()


__all__ = ["UTC", "World", "make", "write"]

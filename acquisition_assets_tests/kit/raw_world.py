"""Makes seeded raw tables of one day with everything that the features read, and runs what is computed from them.

Sources and ingestion are left to random_world.py and running.py: rows are written into the lake directly.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets.core.lake import Lake
from acquisition_assets.policy import Policy
from acquisition_assets.raw.contract import (
    RAW_ALIASES,
    RAW_CONTENT,
    RAW_EVENTS,
    RAW_LEADS,
    RAW_REFERRALS,
    RAW_STATUS_CHANGES,
    SOURCE_STATE,
)
from acquisition_assets_tests.kit import running
from acquisition_assets_tests.kit.random_world import EDGE_DAYS, MICROSECOND, make
from acquisition_assets_tests.kit.running import Run
from acquisition_assets_tests.oracle import reference
from acquisition_assets_tests.oracle.reference import HOUR, Raw, Row, State

EMAILS = (
    *("ana@example.org", " ana@example.org ", "🚀@example.org", "a@b.c", "a@b..c", f"{'a' * 242}@example.org"),
    *(
        "a@b",
        "a@.b",
        "a@b.",
        "@b.c",
        "a b@c.d",
        "a\u00a0b@c.d",
        "a@b@c.d",
        "línea\nnueva@c.d",
        f"{'a' * 243}@example.org",
    ),
)
TIMES = ("engaged_at", "converted_at", "inactive_at", "unsubscribed_at")
OWN_TIME = {"engaged": "engaged_at", "converted": "converted_at", "inactive": "inactive_at"}
ORDER = ("new", "nurturing", "engaged", "converted")
LATER = "later"
"""A lead that is created after the day."""


@dataclass(frozen=True)
class RawWorld:
    """The raw tables of a day, and the events of all days up to it, under the ids that the source gave."""

    day: dt.date
    zone: str
    raw: Raw
    events: list[Row]

    @property
    def end(self) -> dt.datetime:
        """Return T, the end of the day."""
        return reference.end_of_day(self.day, self.zone)


def make_raw(seed: int, leads: tuple[int, int] = (5, 40)) -> RawWorld:
    """Return the raw world of a seed: a random source, ingested by the reference, plus columns that it lacks."""
    chance = random.Random(seed)
    source = make(seed, leads=leads, events=15)
    day, lake = max(source.days), reference.Lake()
    accounts = reference.ingest(source.seen(len(source.days)), day, source.zone, lake, True, source.is_text)
    end = reference.end_of_day(day, source.zone)
    dresser = _Dresser(chance, end, [lead["lead_id"] for lead in accounts["leads"].accepted])
    all_events = [event for its_day, events in lake.events.items() if its_day <= day for event in events]
    no_emails = chance.random() < 0.2
    rows = [dresser.lead(lead, no_emails) for lead in accounts["leads"].accepted]
    raw = Raw(
        leads=rows,
        referrals=[dresser.named(row, "referrer_lead_id") for row in accounts["referrals"].accepted],
        status_changes=[
            dresser.named(row, "lead_id") for row in accounts["status_changes"].accepted if chance.random() < 0.4
        ],
        content=accounts["content"].accepted,
        state=State(
            read_at=chance.choice((end, end + 6 * HOUR, end + 60 * HOUR, end - 3 * HOUR, end - 30 * HOUR)),
            newest_at=chance.choice(
                (None, end + 36 * HOUR, end + 36 * HOUR - MICROSECOND, end - 99 * HOUR, end + 999 * HOUR)
            ),
        ),
        aliases=dresser.aliases,
    )
    events = [dresser.named(event, "lead_id") for event in [*all_events, *dresser.mail()]]
    return RawWorld(day, source.zone, raw, events)


class _Dresser:
    """Adds to the rows of one world what the random source does not have."""

    def __init__(self, chance: random.Random, end: dt.datetime, leads: Sequence[str]) -> None:
        self.chance = chance
        self.end = end
        self.ids = {lead: f"{lead.lower()}@example.org" if chance.random() < 0.1 else lead for lead in leads}
        some = [lead for lead in leads if chance.random() < 0.3] if chance.random() < 0.7 else []
        self.aliases = {f"alias-{number}": self.ids[lead] for number, lead in enumerate(some)}
        self.other_ids = {lead: alias for alias, lead in self.aliases.items()}

    def time(self) -> dt.datetime:
        """Return a time at an edge, before or after T."""
        nudge = self.chance.choice((MICROSECOND, -MICROSECOND, dt.timedelta(0)))
        return self.end - dt.timedelta(days=self.chance.choice((*EDGE_DAYS, 0, 0, -1, -20))) + nudge

    def past(self) -> dt.datetime:
        """Return a time before T."""
        return min(self.time(), self.end - MICROSECOND)

    def named(self, row: Row, column: str) -> Row:
        """Return the row under its lead's id, an alias of it, or the id of a lead created later."""
        lead = self.ids.get(row[column], row[column])
        if self.chance.random() < 0.03:
            return {**row, column: LATER}
        if lead in self.other_ids and self.chance.random() < 0.5:
            lead = self.other_ids[lead]
        return {**row, column: lead}

    def lead(self, row: Row, no_emails: bool) -> Row:
        """Return a row of raw_leads; some leads are merged from several."""
        pick = self.chance.choice
        row = {**row, "lead_id": self.ids[row["lead_id"]], "inactive_at": None}
        row["email"] = None if no_emails else pick((None, *EMAILS))
        for name in TIMES:
            row[name] = self.time() if self.chance.random() < 0.4 else None
        merged = {f"merged_{name}": row[name] for name in ("created_at", *TIMES)}
        status = row["status"]
        if self.chance.random() < 0.3:
            if self.chance.random() < 0.3:
                row["created_at"] = self.end + self.chance.choice((0, 40)) * HOUR
            merged["merged_created_at"] = min(row["created_at"], self.past())
            for name in TIMES:
                if self.chance.random() < 0.4:
                    merged[f"merged_{name}"] = min(row[name] or self.time(), self.time())
            if status != "inactive":
                status = max(status, pick(ORDER), key=ORDER.index)
        return {**row, **merged, "merged_status": status, "unsubscribed_unreadable": self.chance.random() < 0.05}

    def mail(self) -> list[Row]:
        """Return bounces, complaints and openings, also of people who came back."""
        kinds = ("bounced", "bounced", "opened", "complained", "unsubscribed", "sent")
        return [
            {
                "event_id": f"x{number}",
                "lead_id": self.chance.choice([*self.ids, LATER]),
                "delivery_id": None,
                "event_type": self.chance.choice(kinds),
                "content_id": self.chance.choice((None, "c1", "c2")),
                "content_type": "blog",
                "occurred_at": self.past(),
                "is_machine": self.chance.random() < 0.2,
            }
            for number in range(self.chance.randint(0, 2 * len(self.ids)))
        ]


def tables_of(world: RawWorld) -> dict[str, list[Row]]:
    """Return the rows of every raw table as the lake holds them; events have their day."""
    tz, zone, raw = ZoneInfo(world.zone), world.zone, world.raw

    def day_of(instant: dt.datetime | None) -> dt.date | None:
        return None if instant is None else reference.day_of(instant, zone)

    def lead(row: Row) -> Row:
        host = reference.host_of(row["referrer_url"])
        dates = {f"{name}_date": day_of(row[f"{name}_at"]) for name in ("created", "engaged", "converted")}
        return {**row, **dates, "referrer_host": host, "engagement_score": float(row["engagement_score"])}

    def event(row: Row) -> Row:
        local = row["occurred_at"].astimezone(tz)
        named = f"{row['lead_id']}\x1f{row['content_id']}" if row["content_id"] else f"\x1f{row['event_id']}"
        return {
            **row,
            "content_type": row["content_type"] or "other",
            "derived_delivery_id": named if row["delivery_id"] is None else None,
            "local_hour": local.hour,
            "local_weekday": local.isoweekday(),
            "date": day_of(row["occurred_at"]),
        }

    aliases = [{"alias_id": a, "lead_id": lead_id, "final_lead_id": lead_id} for a, lead_id in raw.aliases.items()]
    state = {"read_at": raw.state.read_at, "newest_at": raw.state.newest_at}
    return {
        RAW_LEADS.table: [lead(row) for row in raw.leads],
        RAW_EVENTS.table: [event(row) for row in world.events],
        RAW_REFERRALS.table: [{**row, "created_date": day_of(row["created_at"])} for row in raw.referrals],
        RAW_STATUS_CHANGES.table: [{**row, "read_order": place} for place, row in enumerate(raw.status_changes)],
        RAW_CONTENT.table: raw.content,
        RAW_ALIASES.table: aliases,
        SOURCE_STATE.table: [{**state, "is_stale_leads": False, "is_stale_events": False}],
    }


def run_raw(world: RawWorld, folder: Path, policy: Policy | None = None, stale: Sequence[str] = ()) -> Run:
    """Write the raw tables into the lake of the folder, and run all that is computed from them.

    stale: the inputs that are not fresh (`leads`, `events`).
    """
    lake = Lake(str(folder / "lake"))
    tables = tables_of(world)
    tables[SOURCE_STATE.table][0] |= {f"is_stale_{name}": name in stale for name in ("leads", "events")}
    for table, rows in tables.items():
        by_day: dict[dt.date, list[Row]] = {world.day: []}
        for row in rows:
            by_day.setdefault(row.get("date", world.day), []).append(row)
        for day, some in by_day.items():
            with lake.staging() as staging:
                path = staging / f"{table}.parquet"
                pq.write_table(pa.Table.from_pylist(some, schema=CONTRACTS[table].arrow_schema), path)
                lake.publish(path, table, day)
    (folder / "source").mkdir(exist_ok=True)
    source = cast(Any, SimpleNamespace(label="none"))
    return running.compute_day(
        folder / "source", folder / "lake", world.day, world.zone, policy, source=source, first_step="features"
    )


CONTRACTS = {
    contract.table: contract
    for contract in (
        RAW_LEADS,
        RAW_EVENTS,
        RAW_REFERRALS,
        RAW_STATUS_CHANGES,
        RAW_CONTENT,
        RAW_ALIASES,
        SOURCE_STATE,
    )
}


def with_other_future(world: RawWorld, seed: int) -> RawWorld:
    """Return the world with every value that is dated at or after T changed, removed or added where one was missing.

    The time of a lead's own status is neither removed nor added: without it the status is today's, and undated.
    """
    chance, end = random.Random(seed), world.end

    def future(value: dt.datetime | None, may_go: bool) -> dt.datetime | None:
        if value is not None and value < end:
            return value
        if value is None and not may_go:
            return None
        other = end + dt.timedelta(days=chance.choice((0, 1, 30))) + MICROSECOND * chance.randint(0, 5)
        return chance.choice((None, other, other)) if may_go else other

    def lead(row: Row) -> Row:
        own = OWN_TIME.get(row["merged_status"])
        changed: dict[str, Any] = {}
        for name in TIMES:
            for column in (name, f"merged_{name}"):
                changed[column] = future(row[column], name != own)
        if row["created_at"] >= end:
            changed["created_at"] = future(row["created_at"], may_go=False)
        return {**row, **changed}

    referrals = [
        {**row, "validated_at": future(row["validated_at"], row["status"] != "validated")}
        for row in world.raw.referrals
    ]
    state = replace(world.raw.state, newest_at=chance.choice((None, end, end + 500 * HOUR)))
    raw = replace(world.raw, leads=[lead(row) for row in world.raw.leads], referrals=referrals, state=state)
    later = [
        {**row, "event_id": f"later-{n}", "occurred_at": end + n * HOUR} for n, row in enumerate(world.events[:40])
    ]
    return replace(world, raw=raw, events=[*world.events, *later])

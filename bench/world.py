"""Writes a seeded world of any size straight to Parquet, as a source folder, in constant memory.

The small, realistic sample is left to acquisition_assets/sources/sample.py.

Everything about lead `i` and its delivery `k` is a hash of (i, k, what): rows are made where they are written, in any
order, and nothing is kept. Events are sorted by time over several files, as an export would be.
"""

from __future__ import annotations

import datetime as dt
import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

DAY_US = 86_400_000_000
USUAL_DAYS = 120
"""Over so many days a lead gets 10 to 20 deliveries; over more or fewer days in proportion."""
LONGEST_DELIVERY_DAYS = 9
"""No event of a delivery is later than so many days after its sending."""
EVENTS_PER_FILE = 2_500_000

# What section 4.3 of the specification names, then items of no special meaning.
NAMED_ITEMS = (
    ("guide-marketing-avanzada", "guide", "Guía Avanzada de Marketing Digital"),
    ("video-tecnicas-ventas", "video", "Técnicas Avanzadas de Ventas"),
    ("guide-completa-tema", "guide", "Guía Completa del Tema"),
    ("video-tutorial-exclusivo", "video", "Video Tutorial Exclusivo"),
    ("case-study-exito-avanzados", "case_study", "Casos de Éxito Avanzados"),
    ("webinar-proximos-pasos", "webinar", "Webinar Exclusivo: Próximos Pasos"),
    ("ebook-estrategias-avanzadas", "ebook", "Ebook Premium: Estrategias Avanzadas"),
)
CONTENT_TYPES = ("blog", "guide", "video", "case_study", "webinar", "ebook")
OTHER_ITEMS = 193
# source, utm_source, utm_medium, referrer_url
CHANNELS = (
    ("organic", None, None, "https://www.google.com/"),
    ("organic", None, None, None),
    (None, None, None, "https://duckduckgo.com/"),
    ("google", "google", "cpc", "https://www.google.com/"),
    ("newsletter", "newsletter", "email", None),
    ("direct", None, None, None),
    ("facebook", "facebook", "cpc", "https://www.facebook.com/"),
    ("fb", "fb", "paid_social", None),
    ("organic", None, None, "https://m.facebook.com/"),
    ("twitter", "twitter", "social", None),
    ("organic", "x", "social", "https://x.com/"),
    ("organic", None, None, "https://t.co/Xk3vQ1"),
    ("linkedin", "linkedin", "social", "https://www.linkedin.com/feed/"),
    ("organic", None, None, "https://lnkd.in/dQ7rTb"),
    ("instagram", "instagram", "social", None),
    ("organic", "ig", "social", "https://l.instagram.com/"),
    ("tiktok", "tiktok", "social", "https://www.tiktok.com/"),
    ("organic", "agencia-norte", "paid-social", None),
)

MACROS = f"""
create macro uniform(i, k, what) as (hash(i, k, what, getvariable('seed')) >> 11) / 9007199254740992.0;
create macro pick(i, k, what, n) as cast(hash(i, k, what, getvariable('seed')) % n as integer);
create macro weekday(us) as (us // {DAY_US} + 3) % 7 + 1;
-- Three in five of what would happen on a weekend happens two days earlier.
create macro weekly(us, first_us, u) as
    us - case when weekday(us) > 5 and u < 0.6 and us - 2 * {DAY_US} >= first_us then 2 * {DAY_US} else 0 end;
-- Mornings and early afternoons: the sum of two dice.
create macro at_daytime(us, u1, u2) as us - us % {DAY_US} + cast((6 + 7 * u1 + 7 * u2) * 3600000000 as bigint);
create macro lead_id(i) as 'lead-' || lpad(cast(i as varchar), 8, '0');
"""

# One row per lead: what its rows in the tables follow from. Half of the leads are older than the period.
PEOPLE = """
select
    i,
    created_us,
    greatest(created_us, $start_us) as first_us,
    quality,
    0.3 + 20 * uniform(i, -1, 'pace') ** 3 as pace_hours,
    uniform(i, -1, 'proxy') < 0.12 as has_proxy,
    uniform(i, -1, 'ids') < 0.02 as lacks_delivery_ids,
    cast(
        greatest(1, least(
            round((10 + floor(11 * uniform(i, -1, 'deliveries') ** 2.5)) * $days / 120),
            1 + 0.4 * ($end_us - greatest(created_us, $start_us)) / 86400000000
        )) as integer
    ) as deliveries
from (
    select
        i,
        uniform(i, -1, 'quality') as quality,
        least(
            $end_us - 1000000,
            at_daytime(
                weekly(
                    cast(
                        case
                            when i < $leads // 2 then $start_us - (1 - i / ($leads // 2)) * 365 * 86400000000
                            else $start_us + (i - $leads // 2) / ($leads - $leads // 2) * ($end_us - $start_us)
                        end as bigint
                    ), 0, uniform(i, -1, 'weekly')
                ), uniform(i, -1, 'hour'), uniform(i, -1, 'minute')
            )
        ) as created_us
    from range($leads) as numbers (i)
)
"""

LEADS = """
select
    case
        when $dirty and pick(i, -1, 'broken', 20000) = 7 then lead_id(greatest(0, i - 1)) else lead_id(i)
        end as lead_id,
    'lead-' || i || '@example.com' as email,
    channel.source,
    channel.utm_source,
    channel.utm_medium,
    case when channel.utm_source is not null then 'campaign-' || pick(i, -1, 'campaign', 40) end as utm_campaign,
    channel.referrer_url,
    ['marketing', 'sales', 'product', 'hr', null][1 + pick(i, -1, 'interest', 5)] as interest_area,
    case when $dirty and pick(i, -1, 'broken', 20000) = 8 then 'desconocido' else status end as status,
    round(20 * quality * uniform(i, -1, 'score'), 1) as engagement_score,
    case when uniform(i, -1, 'referred') < 0.14 and i > 0
        then lead_id(cast(floor(i * uniform(i, -1, 'referrer')) as bigint)) end as referrer_lead_id,
    make_timestamptz(created_us) as created_at,
    case when status in ('engaged', 'converted') then make_timestamptz(engaged_us) end as engaged_at,
    case when status = 'converted' then make_timestamptz((engaged_us + $end_us) // 2) end as converted_at,
    case when uniform(i, -1, 'gone') < 0.03 then make_timestamptz((created_us + $end_us) // 2) end as unsubscribed_at
from (
    select
        *,
        pick(i, -1, 'channel', (select count(*) from channels)) as channel_number,
        created_us + cast(uniform(i, -1, 'engaged') * ($end_us - created_us) as bigint) as engaged_us,
        case
            when uniform(i, -1, 'status') < 0.15 then 'inactive'
            when uniform(i, -1, 'status') < 0.15 + 0.15 * quality then 'converted'
            when uniform(i, -1, 'status') < 0.15 + 0.45 * quality then 'engaged'
            when uniform(i, -1, 'status') < 0.80 then 'nurturing'
            else 'new'
        end as status
    from people
)
inner join channels as channel on channel_number = channel.number
"""

REFERRALS = """
select
    'referral-' || lpad(cast(i as varchar), 8, '0') as referral_id,
    lead_id(cast(floor(i * uniform(i, -1, 'referrer')) as bigint)) as referrer_lead_id,
    'friend-' || i || '@example.com' as referred_email,
    status,
    make_timestamptz(created_us) as created_at,
    case when status = 'validated'
        then make_timestamptz(
            least($end_us - 1, created_us + cast(uniform(i, -1, 'validated') * 5 * 86400000000 as bigint))
        )
        end as validated_at
from (
    select
        i,
        created_us,
        case
            when uniform(i, -1, 'outcome') < 0.55 then 'validated'
            when uniform(i, -1, 'outcome') < 0.80 then 'pending'
            when uniform(i, -1, 'outcome') < 0.94 then 'rejected'
            else 'fraud'
        end as status
    from people
    where uniform(i, -1, 'referred') < 0.14 and i > 0
)
"""

STATUS_CHANGES = """
select
    lead_id(i) as lead_id,
    case place when 1 then 'nurturing' when 2 then 'engaged' else 'inactive' end as status,
    make_timestamptz(created_us + cast((place + uniform(i, place, 'change')) / 4 * ($end_us - created_us) as bigint))
        as changed_at
from (
    select
        i,
        created_us,
        unnest(range(1, 1 + case when uniform(i, -1, 'changes') < 0.4 then 1 + pick(i, -1, 'many', 3) else 0 end))
            as place
    from people
)
order by changed_at, lead_id
"""

# One row per delivery, with its day of sending (since 1970), by which it is kept until the files of events are made.
SENDINGS = f"""
select
    *,
    sent_us // {DAY_US} as sent_day
from (
    select
        i,
        k,
        quality,
        pace_hours,
        has_proxy,
        lacks_delivery_ids,
        greatest(
            first_us + 60000000,
            at_daytime(
                weekly(
                    first_us + cast(
                        (k + uniform(i, k, 'sent')) / deliveries * ($end_us - first_us) as bigint
                    ), first_us, uniform(i, k, 'weekly')
                ), uniform(i, k, 'hour'), uniform(i, k, 'minute')
            )
        ) as sent_us
    from (select *, unnest(range(deliveries)) as k from people)
)
"""

# One row per delivery that can have an event in [$from_us, $until_us), then one row per event of those.
EVENTS = f"""
with delivered as (
    select
        i,
        k,
        sent_us,
        pick(i, k, 'content', {OTHER_ITEMS + len(NAMED_ITEMS)}) as content_number,
        has_proxy,
        lacks_delivery_ids,
        uniform(i, k, 'bounced') < 0.015 as is_bounced,
        uniform(i, k, 'opened') < 0.12 + 0.68 * quality as is_opened,
        sent_us + least(
            {LONGEST_DELIVERY_DAYS - 2} * {DAY_US},
            cast(-ln(1 - uniform(i, k, 'response')) * pace_hours * 3600000000 as bigint)
        ) as opened_us
    from sendings
    where sent_day >= $from_us // {DAY_US} - {LONGEST_DELIVERY_DAYS} and sent_day < $until_us // {DAY_US}
),

happened as (
    select
        i,
        k,
        content_number,
        lacks_delivery_ids,
        unnest(list_filter([
            {{'kind': 0, 'event_type': 'sent', 'us': sent_us, 'is_machine': false}},
            case when is_bounced
                then {{'kind': 1, 'event_type': 'bounced', 'us': sent_us + 2000000, 'is_machine': false}} end,
            case when has_proxy and not is_bounced
                then {{'kind': 2, 'event_type': 'opened', 'us': sent_us + 5000000, 'is_machine': true}} end,
            case when is_opened and not is_bounced
                then {{'kind': 3, 'event_type': 'opened', 'us': opened_us, 'is_machine': false}} end,
            case when is_opened and not is_bounced and uniform(i, k, 'again') < 0.2
                then {{'kind': 4, 'event_type': 'opened', 'us': opened_us + 7200000000, 'is_machine': false}} end,
            case when is_opened and not is_bounced and uniform(i, k, 'clicked') < 0.45
                then {{'kind': 5, 'event_type': 'clicked', 'us': opened_us + 30000000, 'is_machine': false}} end,
            case when is_opened and not is_bounced and uniform(i, k, 'completed') < 0.5
                then {{'kind': 6, 'event_type': 'completed', 'us': opened_us + 600000000, 'is_machine': false}} end,
            case when is_opened and not is_bounced and uniform(i, k, 'unsubscribed') < 0.004
                then {{'kind': 7, 'event_type': 'unsubscribed', 'us': opened_us + 45000000, 'is_machine': false}} end
        ], lambda event: event is not null), max_depth := 2)
    from delivered
),

windowed as (
    select *
    from happened
    where us >= $from_us and us < $until_us
    -- A few rows stand twice, as in any export.
    union all
    select *
    from happened
    where us >= $from_us and us < $until_us and $dirty and pick(i, k, 'twice', 50000) = 7
)

select
    lpad(to_hex(hash(i, k, kind, getvariable('seed'))), 16, '0') as event_id,
    case when $dirty and pick(i, k, 'nobody', 50000) = 7 then 'lead-unknown' else lead_id(i) end as lead_id,
    case when not lacks_delivery_ids then 'delivery-' || lpad(cast(i * 100 + k as varchar), 10, '0') end as delivery_id,
    case when $dirty and pick(i, k, 'word', 50000) = 7 then 'teleported' else event_type end as event_type,
    contents.content_id,
    contents.content_type,
    make_timestamptz(us) as occurred_at,
    is_machine
from windowed
inner join contents on windowed.content_number = contents.number
order by us, event_id
"""


@dataclass(frozen=True)
class World:
    """What a world is made of.

    leads: how many; days: days of events up to and including the last; dirty: whether some rows break their contract;
    deliveries per lead follow from the days (10 to 20 in 120 days), so the volume of a day depends on the leads alone.
    """

    leads: int
    days: int = USUAL_DAYS
    last_day: dt.date = dt.date(2026, 9, 30)
    dirty: bool = True
    seed: int = 1

    @property
    def name(self) -> str:
        """Return the name of the world's folder."""
        return f"world-{self.leads}-{self.days}{'' if self.dirty else '-clean'}"

    @property
    def first_day(self) -> dt.date:
        """Return the first day with events."""
        return self.last_day - dt.timedelta(days=self.days - 1)

    def parameters(self) -> dict[str, object]:
        """Return the numbers that its SQL names."""
        return {
            "leads": self.leads,
            "days": self.days,
            "start_us": _day_us(self.first_day),
            "end_us": _day_us(self.last_day + dt.timedelta(days=1)),
            "dirty": self.dirty,
        }


def write_world(world: World, folder: Path, memory_limit: str = "1GB") -> Path:
    """Write the five tables of a world below a folder, unless they are there; the folder of the world."""
    target = folder / world.name
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch, duckdb.connect() as connection:
        made = Path(scratch) / world.name
        (made / "events").mkdir(parents=True)
        connection.execute(
            f"set memory_limit = '{memory_limit}'; set temp_directory = '{scratch}/spill'; set TimeZone = 'UTC'; "
            "set enable_progress_bar = false"
        )
        connection.execute(f"set variable seed = {world.seed}")
        connection.execute(MACROS)
        _small_tables(connection)
        people = Path(scratch) / "people.parquet"
        _copy(connection, PEOPLE, people, world)
        connection.execute(f"create view people as select * from '{people}'")
        _copy(connection, LEADS, made / "leads.parquet", world)
        _copy(connection, REFERRALS, made / "referrals.parquet", world)
        _copy(connection, STATUS_CHANGES, made / "status_changes.parquet", world)
        _copy(connection, "select * exclude (number) from contents order by number", made / "content.parquet", world)
        _copy(
            connection, SENDINGS, Path(scratch) / "sendings", world, options="format parquet, partition_by (sent_day)"
        )
        connection.execute(
            f"create view sendings as select * from read_parquet('{scratch}/sendings/*/*.parquet', "
            "hive_partitioning = true, hive_types = {'sent_day': BIGINT})"
        )
        for number, (first, until) in enumerate(_stretches(world), 1):
            part = made / "events" / f"part-{number:04}.parquet"
            _copy(connection, EVENTS, part, world, from_us=_day_us(first), until_us=_day_us(until))
        made.rename(target)
    return target


def _stretches(world: World) -> list[tuple[dt.date, dt.date]]:
    """Return the days (first, until) of each file of events: similar sizes, at most one file a day."""
    files = min(world.days, max(3, world.leads * world.days * 25 // USUAL_DAYS // EVENTS_PER_FILE))
    bounds = [world.first_day + dt.timedelta(days=world.days * number // files) for number in range(files + 1)]
    return list(itertools.pairwise(bounds))


def _small_tables(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "create table channels (number integer, source text, utm_source text, utm_medium text, referrer_url text)"
    )
    connection.executemany("insert into channels values (?, ?, ?, ?, ?)", [(n, *row) for n, row in enumerate(CHANNELS)])
    connection.execute(
        "create table contents (number integer, content_id text, content_type text, title text, url text, "
        "interest_area text, published_at timestamptz)"
    )
    others = [
        (f"item-{n:03}", CONTENT_TYPES[n % len(CONTENT_TYPES)], f"Contenido número {n}") for n in range(OTHER_ITEMS)
    ]
    rows = [
        (n, content_id, kind, title, f"https://www.example.com/{content_id}")
        for n, (content_id, kind, title) in enumerate([*NAMED_ITEMS, *others])
    ]
    connection.executemany(
        "insert into contents values (?, ?, ?, ?, ?, null, timestamptz '2025-01-07 00:00:00+00')", rows
    )


def _copy(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    path: Path,
    world: World,
    options: str = "format parquet",
    **window: int,
) -> None:
    given = {**world.parameters(), **window}
    used = {name: value for name, value in given.items() if f"${name}" in query}
    connection.execute(f"copy ({query}) to '{path}' ({options})", used)


def _day_us(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days * DAY_US

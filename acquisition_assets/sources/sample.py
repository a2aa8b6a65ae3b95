"""Generates the sample world: invented leads, e-mails, referrals and content, as the five input tables.

Offering them as a source is left to `arrow`, and checking rows to `raw`.

The model
---------
Time runs in hours from the start of `FIRST_DAY` to the end of `LAST_DAY` (UTC); `inf` means never. Every table is what
the source systems would show at that end. The whole world is determined by (leads, seed).

*Arrivals.* Leads per day follow a weekly rhythm (weekends at 55 %), grow by 30 % over the period and vary by 6 % from
day to day. Each lead has a channel, recognisable by source, utm_source, utm_medium or referrer_url, an interest area,
and a hidden quality between 0 and 1 whose median depends on the channel.

*Mail.* A welcome within minutes, ten more e-mails in the first four weeks, then a newsletter every Tuesday; nearly
all on weekdays, in the morning. Better leads open, click and complete more, and sooner: hours to the open are
lognormal around the lead's own pace. Nobody reads at night; office readers wait for working hours, evening readers for
the evening. Attention wears off with every e-mail. Few e-mails bounce, but all those to a dead address do. For 15 % of
the leads a mail proxy fetches each e-mail within seconds (and hides most opens by the human), and for 2 % a scanner
follows the links. Some who open unsubscribe, and few of those complain; then the e-mails end.

*Status.* new -> nurturing within days (one in eight waits for weeks); engaged after a second to fourth click;
converted one to three weeks later. inactive after an unsubscription, with a dead address, or (mostly) after 45 days of
silence. E-mails end there too.

In the world of pure chance (`by_chance`) none of this leads to a conversion: all leads convert at the same rate.

*Referrals.* 14 % of the leads were referred by an earlier, mostly better lead: those referrals are validated some days
after the arrival. About as many stay pending or are rejected; 6 % of all are fraud.

*Four anomalies* end the period, each as one incident: sign-ups break down (for `INCIDENT_DAYS` only a quarter of the
leads arrive); e-mails land in spam (for `INCIDENT_DAYS` three in ten opens remain); five accounts refer invented people
(last 5 days); an automation sends three e-mails a working day to twelve leads who do not react (last 7 days).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

FIRST_DAY = dt.date(2026, 6, 3)
LAST_DAY = dt.date(2026, 9, 30)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

DAY = 24.0
DAYS = (LAST_DAY - FIRST_DAY).days + 1
END = DAYS * DAY
INCIDENT_DAYS = 3
INCIDENT_START = END - INCIDENT_DAYS * DAY
LOOP_START = END - 7 * DAY
LOOP_LEADS = 12
SPEND_A_DAY = {"facebook": 45.0, "google": 60.0, "instagram": 30.0, "linkedin": 50.0}
CURRENCY = "EUR"
LOOP_HOURS = (8.0, 12.0, 16.0)
RING_LEADS = 5

SEQUENCE_DAYS = np.array([0, 1, 3, 5, 8, 11, 14, 17, 21, 25, 28])
NEWSLETTER_WEEKDAY = 1
NEWSLETTER_MIN_AGE_DAYS = 29
DEAD_ADDRESS_MAILS = 3
SILENCE = 45 * DAY
CHANCE_CONVERSION = 400 * DAY
"""Mean wait for a conversion in the world of pure chance."""

INTERESTS = ("marketing", "sales", "product", "hr", None)
INTEREST_SHARES = (0.34, 0.27, 0.17, 0.10, 0.12)
STATUSES = ("new", "nurturing", "engaged", "converted", "inactive")
CAMPAIGNS = {6: "lanzamiento-junio", 7: "verano", 8: "verano", 9: "vuelta-al-trabajo"}
REFERRAL_CAMPAIGN = "invita-a-un-amigo"
OFFICE, EVENING, ANY_TIME = range(3)

TIMESTAMP = pa.timestamp("us", tz="UTC")


class Channel(NamedTuple):
    """A way in which leads arrive: share of the leads in percent, shift of their quality, and their tracking fields."""

    share: float
    quality_shift: float
    source: str | None
    utm_source: str | None = None
    utm_medium: str | None = None
    referrer_url: str | None = None


CHANNELS = (
    Channel(13, 0.0, "organic"),
    Channel(10, 0.1, "organic", referrer_url="https://www.google.com/"),
    Channel(3, 0.0, None, referrer_url="https://duckduckgo.com/"),
    Channel(8, 0.1, "google", "google", "cpc", "https://www.google.com/"),
    Channel(5, 0.1, "google", "google", "organic"),
    Channel(9, 0.5, "newsletter", "newsletter", "email"),
    Channel(9, 0.2, "direct"),
    Channel(4, -0.4, "facebook", "facebook", "cpc", "https://www.facebook.com/"),
    Channel(2, -0.4, "fb", "fb", "paid_social"),
    Channel(3, -0.5, "organic", referrer_url="https://m.facebook.com/"),
    Channel(2, -0.4, "organic", "fb", "social", "https://l.facebook.com/l.php"),
    Channel(2, -0.1, "twitter", "twitter", "social"),
    Channel(2, -0.1, "organic", "x", "social", "https://x.com/"),
    Channel(2, -0.2, "organic", referrer_url="https://t.co/Xk3vQ1"),
    Channel(5, 0.5, "linkedin", "linkedin", "social", "https://www.linkedin.com/feed/"),
    Channel(2, 0.5, "organic", "linkedin", "cpc"),
    Channel(3, 0.4, "organic", referrer_url="https://lnkd.in/dQ7rTb"),
    Channel(4, -0.3, "instagram", "instagram", "social"),
    Channel(2, -0.3, "organic", "ig", "social", "https://l.instagram.com/"),
    Channel(2, -0.3, "insta", "insta"),
    Channel(3, -0.6, "tiktok", "tiktok", "social", "https://www.tiktok.com/"),
    Channel(2, -0.5, "organic", "tiktok", "cpc"),
    Channel(2, -0.2, "social", None, "social"),
    Channel(1, -0.3, "organic", "agencia-norte", "paid-social"),
)


class Item(NamedTuple):
    """An item of the content catalogue; `published` is an ISO date."""

    content_id: str
    content_type: str
    interest_area: str | None
    published: str
    title: str


CATALOGUE = (
    Item("guide-marketing-avanzada", "guide", "marketing", "2026-02-10", "Guía Avanzada de Marketing Digital"),
    Item("video-tecnicas-ventas", "video", "sales", "2026-02-17", "Técnicas Avanzadas de Ventas"),
    Item("guide-completa-tema", "guide", None, "2026-03-03", "Guía Completa del Tema"),
    Item("video-tutorial-exclusivo", "video", None, "2026-03-10", "Video Tutorial Exclusivo"),
    Item("case-study-exito-avanzados", "case_study", None, "2026-03-24", "Casos de Éxito Avanzados"),
    Item("webinar-proximos-pasos", "webinar", None, "2026-04-07", "Webinar Exclusivo: Próximos Pasos"),
    Item("ebook-estrategias-avanzadas", "ebook", None, "2026-04-21", "Ebook Premium: Estrategias Avanzadas"),
    Item("blog-captacion-organica", "blog", None, "2025-11-04", "Cómo funciona la captación orgánica"),
    Item("blog-errores-email", "blog", "marketing", "2025-11-18", "Siete errores que arruinan tus correos"),
    Item("blog-seo-local", "blog", "marketing", "2025-12-02", "SEO local paso a paso"),
    Item("blog-calendario-editorial", "blog", "marketing", "2025-12-16", "Un calendario editorial que se cumple"),
    Item("blog-primera-llamada", "blog", "sales", "2026-01-08", "La primera llamada de ventas"),
    Item("blog-objeciones", "blog", "sales", "2026-01-15", "Responder a objeciones sin presionar"),
    Item("blog-embudo-ventas", "blog", "sales", "2026-01-22", "El embudo de ventas, explicado"),
    Item("blog-hoja-de-ruta", "blog", "product", "2026-01-29", "Hojas de ruta que se entienden"),
    Item("blog-entrevistas-usuarios", "blog", "product", "2026-02-05", "Entrevistar a usuarios: preguntas que sirven"),
    Item("blog-seleccion-personal", "blog", "hr", "2026-02-12", "Selección de personal sin sesgos"),
    Item("blog-bienvenida-equipo", "blog", "hr", "2026-02-19", "La primera semana en el equipo"),
    Item("blog-metricas-utiles", "blog", None, "2026-02-26", "Métricas útiles y métricas de vanidad"),
    Item("blog-casos-pequenos", "blog", None, "2026-03-05", "Crecer con un equipo pequeño"),
    Item("guide-bienvenida", "guide", None, "2025-12-09", "Guía de Primeros Pasos"),
    Item("guide-prospeccion", "guide", "sales", "2026-03-12", "Guía de Prospección para Equipos de Ventas"),
    Item("guide-producto", "guide", "product", "2026-03-19", "Guía de Descubrimiento de Producto"),
    Item("guide-personas", "guide", "hr", "2026-03-26", "Guía de Evaluación del Desempeño"),
    Item("video-contenido-marketing", "video", "marketing", "2026-04-02", "Contenidos que Atraen: Taller en Video"),
    Item("video-demo-producto", "video", "product", "2026-04-09", "Preparar una Demo de Producto"),
    Item("case-study-tienda", "case_study", "marketing", "2026-04-16", "Una Tienda que Duplicó sus Visitas"),
    Item("case-study-consultora", "case_study", "sales", "2026-04-23", "Cómo Vende una Consultora de Diez Personas"),
    Item("webinar-tendencias", "webinar", None, "2026-05-07", "Webinar: Tendencias de Captación 2026"),
    Item("ebook-automatizacion", "ebook", None, "2026-05-14", "Ebook: Automatización Sin Complicaciones"),
)
CONTENT_TYPES = ("blog", "guide", "video", "case_study", "webinar", "ebook")
CONTENT_MINUTES = dict(zip(CONTENT_TYPES, (5.0, 16.0, 9.0, 8.0, 42.0, 35.0), strict=True))
SEQUENCE_TYPES = (
    *("guide", "blog", "video", "blog", "case_study", "guide"),
    *("webinar", "video", "ebook", "case_study", "ebook"),
)


@dataclass(frozen=True)
class _People:
    """Arrays with one entry per lead, in order of arrival; `referrer` is a position or -1, `pace` hours to an open."""

    created: Floats
    channel: Ints
    interest: Ints
    quality: Floats
    pace: Floats
    habit: Ints
    referrer: Ints
    proxy: Flags
    scanner: Flags
    dead: Flags
    looped: Flags

    @property
    def count(self) -> int:
        return len(self.created)


@dataclass(frozen=True)
class _Mail:
    """Arrays with one entry per delivery; `times` holds the hour of each kind of event, `inf` if it never happened."""

    lead: Ints
    step: Ints
    content: Ints
    times: dict[str, Floats]


@dataclass(frozen=True)
class _Referrals:
    """Arrays with one entry per referral; `referred` is the position of the resulting lead, or -1."""

    referrer: Ints
    referred: Ints
    created: Floats
    validated: Floats
    status: NDArray[np.str_]


# How the times of a delivery appear in the events table, in their order: name, event_type, is_machine.
EVENT_KINDS = (
    ("sent", "sent", False),
    ("bounced", "bounced", False),
    ("prefetched", "opened", True),
    ("scanned", "clicked", True),
    ("opened", "opened", False),
    ("clicked", "clicked", False),
    ("completed", "completed", False),
    ("complained", "complained", False),
    ("unsubscribed", "unsubscribed", False),
)


def world(leads: int = 5_000, seed: int = 20260930, *, by_chance: bool = False) -> dict[str, pa.Table]:
    """Return the tables `leads`, `events`, `referrals`, `content`, `status_changes` and `spend` of an invented world.

    Grain: one row per lead, event, referral, content item, change of status, and day and channel of spend. Timestamps
    are UTC in whole seconds; engagement_score is in points, 0 to 20. The same arguments give the same tables. Rows
    (but those of spend) grow in proportion to `leads`; from 2,000 leads on, the four anomalies at the end are clearly
    detectable. With `by_chance` nobody is lost, and who converts, and when, depends on nothing at all: no forecast can
    be better than the base rate.

    Raises:
        ValueError: leads is below 1.
    """
    if leads < 1:
        raise ValueError(f"leads must be 1 or more, not {leads}")
    rng = np.random.default_rng(seed)
    people = _people(rng, leads)
    mail = _respond(rng, people, _plan_mail(rng, people))
    unsubscribed = _first(mail.lead, mail.times["unsubscribed"], people.count)
    mail = _end_mail(mail, unsubscribed)
    reached = _reach_statuses(rng, people, mail, unsubscribed)
    if by_chance:
        reached = _convert_by_chance(np.random.default_rng(seed), people, reached)
    mail = _end_mail(mail, reached["inactive"])
    unsubscribed = _first(mail.lead, mail.times["unsubscribed"], people.count)
    return {
        "leads": _leads_table(rng, people, reached, unsubscribed),
        "events": _events_table(rng, people, mail),
        "referrals": _referrals_table(_refer(rng, people)),
        "content": _content_table(),
        "status_changes": _status_changes_table(reached),
        "spend": _spend_table(),
    }


# ---------------------------------------------------------------------------------------------------------- people


def _people(rng: np.random.Generator, count: int) -> _People:
    created = _arrivals(rng, count)
    shares = np.array([channel.share for channel in CHANNELS])
    channel = rng.choice(len(CHANNELS), count, p=shares / shares.sum())
    shift = np.array([channel.quality_shift for channel in CHANNELS])[channel]
    quality = _sigmoid(rng.normal(-0.5 + shift, 0.95))
    dead = rng.random(count) < 0.015
    habit = np.where(rng.random(count) < 0.3 + 0.4 * quality, OFFICE, rng.choice([EVENING, ANY_TIME], count))
    referred = (rng.random(count) < 0.14) & (np.arange(count) > 0)
    return _People(
        created=created,
        channel=channel,
        interest=rng.choice(len(INTERESTS), count, p=INTEREST_SHARES),
        quality=quality,
        pace=np.exp(rng.normal(np.log(6.0) - 3.5 * (quality - 0.38), 0.8)),
        habit=habit,
        referrer=np.where(referred, _earlier_lead(rng, quality, np.arange(count)), -1),
        proxy=rng.random(count) < 0.15,
        scanner=rng.random(count) < 0.02,
        dead=dead,
        looped=_least_eager(created, quality, ~dead),
    )


def _arrivals(rng: np.random.Generator, count: int) -> Floats:
    """Return sorted hours of arrival; each day gets its exact share of `count`, so small worlds keep the rhythm too."""
    days = np.arange(DAYS)
    weight = (1 + 0.3 * days / DAYS) * np.where(_weekday(days) >= 5, 0.55, 1.0) * rng.lognormal(0, 0.06, DAYS)
    weight[-INCIDENT_DAYS:] *= 0.25
    upto = np.rint(np.cumsum(weight) / weight.sum() * count).astype(np.int64)
    day = np.repeat(days, np.diff(upto, prepend=0))
    return np.sort(DAY * (day + rng.beta(4.0, 3.2, count)))


def _least_eager(created: Floats, quality: Floats, eligible: Flags) -> Flags:
    """Return the leads of the runaway automation: low quality, five to eleven weeks old at the end."""
    age = END - created
    eligible = eligible & (age > 35 * DAY) & (age < 77 * DAY)
    worst = np.argsort(np.where(eligible, quality, np.inf), kind="stable")[:LOOP_LEADS]
    chosen = np.zeros(len(created), dtype=np.bool_)
    chosen[worst] = True
    return chosen & eligible


def _earlier_lead(rng: np.random.Generator, quality: Floats, position: Ints) -> Ints:
    """Return an earlier lead for each position in order of arrival (0 for the first), better leads more often."""
    weight = np.cumsum(quality**2.5)
    limit = weight[np.maximum(position - 1, 0)]
    return np.searchsorted(weight, rng.random(len(position)) * limit).astype(np.int64)


# ------------------------------------------------------------------------------------------------------------ mail


def _plan_mail(rng: np.random.Generator, people: _People) -> _Mail:
    """Return what is sent to whom and when: the sequence, the newsletters, and the runaway automation's e-mails."""
    sent = np.hstack([_sequence_times(rng, people.created), _newsletter_times(rng, people.created)])
    sent[people.dead, DEAD_ADDRESS_MAILS:] = np.inf
    lead, step = np.nonzero(sent < END)
    loop_lead, loop_sent = _loop_mail(rng, people)
    steps = np.concatenate([step, np.zeros_like(loop_lead)])
    leads = np.concatenate([lead, loop_lead])
    return _Mail(
        lead=leads,
        step=steps,
        content=_content_plan(sent.shape[1])[people.interest[leads], steps],
        times={"sent": np.concatenate([sent[lead, step], loop_sent])},
    )


def _sequence_times(rng: np.random.Generator, created: Floats) -> Floats:
    """Return hours of the sequence, a row per lead: the welcome at once, the others on weekday mornings."""
    shape = (len(created), len(SEQUENCE_DAYS))
    day = np.floor(created / DAY)[:, None] + SEQUENCE_DAYS
    postponed = np.where(rng.random(shape) < 0.92, _next_workday(day), day)
    hour = rng.uniform(7.0, 11.0, (len(created), 1)) + rng.uniform(0, 0.5, shape)
    times = DAY * postponed + hour
    times[:, 0] = created + rng.uniform(0.03, 0.2, len(created))
    return times


def _newsletter_times(rng: np.random.Generator, created: Floats) -> Floats:
    """Return hours of the newsletters, a row per lead: every Tuesday at nine, from the fifth week on."""
    days = np.arange(DAYS)
    issue = days[_weekday(days) == NEWSLETTER_WEEKDAY]
    times = DAY * issue + 9.0 + rng.uniform(0, 0.4, (len(created), len(issue)))
    return np.where(issue >= np.floor(created / DAY)[:, None] + NEWSLETTER_MIN_AGE_DAYS, times, np.inf)


def _loop_mail(rng: np.random.Generator, people: _People) -> tuple[Ints, Floats]:
    """Return lead and hour of the runaway automation's e-mails: the same one, three times a working day."""
    days = np.arange(int(LOOP_START // DAY), DAYS)
    hours = (DAY * days[_weekday(days) < 5][:, None] + np.array(LOOP_HOURS)).ravel()
    lead = np.repeat(np.flatnonzero(people.looped), len(hours))
    return lead, np.tile(hours, int(people.looped.sum())) + rng.uniform(0, 0.1, len(lead))


def _content_plan(steps: int) -> Ints:
    """Return catalogue positions by interest (row) and step (column): own and general items in turn, then blogs."""
    types = SEQUENCE_TYPES + ("blog",) * (steps - len(SEQUENCE_TYPES))
    plan = np.empty((len(INTERESTS), steps), dtype=np.int64)
    for row, interest in enumerate(INTERESTS):
        for column, content_type in enumerate(types):
            items = [
                position
                for position, item in enumerate(CATALOGUE)
                if item.content_type == content_type and item.interest_area in (interest, None)
            ]
            plan[row, column] = items[types[:column].count(content_type) % len(items)]
    return plan


def _respond(rng: np.random.Generator, people: _People, mail: _Mail) -> _Mail:
    """Return the deliveries with all their events, as if nobody ever left."""
    sent, lead = mail.times["sent"], mail.lead
    quality, count = people.quality[lead], len(sent)
    minute = 1 / 60
    arrives = ~people.dead[lead] & (rng.random(count) > 0.007)

    opens = arrives & (rng.random(count) < _open_chance(people, mail))
    opened = np.where(opens, _open_times(rng, people, mail), np.inf)
    clicked = opened + rng.lognormal(np.log(1.5), 0.8, count) * minute
    clicked[rng.random(count) > 0.18 + 0.55 * quality] = np.inf
    reading = np.array([CONTENT_MINUTES[item.content_type] for item in CATALOGUE])[mail.content]
    completed = clicked + reading * rng.lognormal(0, 0.35, count) * minute
    completed[rng.random(count) > 0.35 + 0.5 * quality] = np.inf

    leaves = (rng.random(count) < 0.012 * (1 - quality)) & ~people.looped[lead]
    unsubscribed = np.where(leaves, opened + 45 * minute, np.inf)
    times = {
        "sent": sent,
        "bounced": np.where(arrives, np.inf, sent + rng.uniform(0.2, 8.0, count) * minute),
        "prefetched": np.where(arrives & people.proxy[lead], sent + rng.uniform(0.03, 0.6, count) * minute, np.inf),
        "scanned": np.where(arrives & people.scanner[lead], sent + rng.uniform(0.1, 1.0, count) * minute, np.inf),
        "opened": opened,
        "clicked": clicked,
        "completed": completed,
        "complained": np.where(rng.random(count) < 0.1, unsubscribed - minute, np.inf),
        "unsubscribed": unsubscribed,
    }
    for kind in ("opened", "clicked", "completed"):
        times[kind] = np.where(people.looped[lead] & (times[kind] >= LOOP_START), np.inf, times[kind])
    return _Mail(lead=lead, step=mail.step, content=mail.content, times=times)


def _open_chance(people: _People, mail: _Mail) -> Floats:
    quality, newsletter = people.quality[mail.lead], mail.step >= len(SEQUENCE_DAYS)
    tired = 0.05 * np.minimum(mail.step, len(SEQUENCE_DAYS)) + 0.2 * newsletter
    chance = _sigmoid(0.15 + 4.5 * (quality - 0.38) - tired)
    return np.where(mail.times["sent"] >= INCIDENT_START, 0.3, 1.0) * chance


def _open_times(rng: np.random.Generator, people: _People, mail: _Mail) -> Floats:
    """Return hours at which the deliveries would be opened: the lead's pace, moved to the lead's reading hours."""
    count, habit = len(mail.lead), people.habit[mail.lead]
    welcome = np.where(mail.step == 0, 0.3, 1.0)
    time = mail.times["sent"] + 0.02 + people.pace[mail.lead] * welcome * rng.lognormal(0, 0.9, count)

    day, hour = np.divmod(time, DAY)
    time = np.where(hour < 6.5, DAY * day + rng.uniform(6.5, 9.5, count), time)

    hour = time % DAY
    workday = _weekday(day) < 5
    off_work = ~workday | (hour < 8.5) | (hour > 18.5)
    morning = DAY * _next_workday(day + (hour > 18.5)) + rng.uniform(9.0, 11.0, count)
    waits = (habit == OFFICE) & off_work & (rng.random(count) < 0.85)
    time = np.where(waits, morning, time)

    evening = DAY * day + rng.uniform(18.5, 22.5, count)
    waits = (habit == EVENING) & ~off_work & (rng.random(count) < 0.6)
    return np.where(waits, np.maximum(evening, time), time)


def _end_mail(mail: _Mail, last: Floats) -> _Mail:
    """Return the deliveries sent by their lead's hour `last`, with the events up to then and before the end."""
    limit = last[mail.lead]
    kept = mail.times["sent"] <= limit
    times = {kind: np.where((time <= limit) & (time < END), time, np.inf)[kept] for kind, time in mail.times.items()}
    return _Mail(lead=mail.lead[kept], step=mail.step[kept], content=mail.content[kept], times=times)


# ---------------------------------------------------------------------------------------------------------- status


def _reach_statuses(rng: np.random.Generator, people: _People, mail: _Mail, unsubscribed: Floats) -> dict[str, Floats]:
    """Return the hour at which each lead reached each status, in the order of `STATUSES`; `inf` for never."""
    count, quality = people.count, people.quality
    queue = np.where(rng.random(count) < 0.12, 30 * DAY, 1.5 * DAY)
    nurturing = people.created + 2 + rng.exponential(queue)
    clicks = _nth(mail.lead, mail.times["clicked"], rng.integers(2, 5, count))
    qualifies = rng.random(count) < 0.3 + 0.5 * quality
    engaged = np.where(qualifies, np.maximum(clicks, nurturing) + 0.1 + rng.exponential(6.0, count), np.inf)
    buys = rng.random(count) < 0.15 + 0.5 * quality
    converted = np.where(buys, engaged + rng.gamma(4.0, 80.0, count), np.inf)

    forgotten = np.where(rng.random(count) < 0.7, _silent_since(people, mail) + SILENCE, np.inf)
    forgotten = np.where(people.looped, np.inf, forgotten + rng.uniform(0, 5 * DAY, count))
    undeliverable = np.where(people.dead, people.created + rng.uniform(8, 12, count) * DAY, np.inf)
    gone = unsubscribed + rng.exponential(DAY, count)
    inactive = np.minimum(np.minimum(forgotten, undeliverable), gone)
    inactive = np.where(converted <= inactive, np.inf, inactive)
    reached = (people.created, nurturing, engaged, converted, inactive)
    active_until = np.minimum(inactive, END)
    return {
        status: np.where(time < (END if status == "inactive" else active_until), time, np.inf)
        for status, time in zip(STATUSES, reached, strict=True)
    }


def _convert_by_chance(rng: np.random.Generator, people: _People, reached: dict[str, Floats]) -> dict[str, Floats]:
    """Return the statuses with conversions at one constant rate for all leads; nobody becomes inactive."""
    converted = people.created + rng.exponential(CHANCE_CONVERSION, people.count)
    converted = np.where(converted < END, converted, np.inf)
    before = {name: np.where(reached[name] < converted, reached[name], np.inf) for name in ("nurturing", "engaged")}
    return {**reached, **before, "converted": converted, "inactive": np.full(people.count, np.inf)}


def _silent_since(people: _People, mail: _Mail) -> Floats:
    """Return the hour at which each lead's first silence of length `SILENCE` begins, counted from the arrival."""
    everyone = np.arange(people.count)
    read = np.isfinite(mail.times["opened"])
    lead = np.concatenate([everyone, mail.lead[read], everyone])
    time = np.concatenate([people.created, mail.times["opened"][read], np.full(people.count, END)])
    order = np.lexsort((time, lead))
    lead, time = lead[order], time[order]
    silent = (np.diff(time) >= SILENCE) & (np.diff(lead) == 0)
    return _first(lead[:-1][silent], time[:-1][silent], people.count)


# ------------------------------------------------------------------------------------------------------- referrals


def _refer(rng: np.random.Generator, people: _People) -> _Referrals:
    parts = (_fruitful_referrals(rng, people), _other_referrals(rng, people), _invented_referrals(rng, people))
    columns = ("referrer", "referred", "created", "validated", "status")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in columns}
    order = np.argsort(joined["created"], kind="stable")
    return _Referrals(**{name: values[order] for name, values in joined.items()})


def _fruitful_referrals(rng: np.random.Generator, people: _People) -> _Referrals:
    """Return the referrals behind the leads that have a referrer, created up to some days before they arrived."""
    referred = np.flatnonzero(people.referrer >= 0)
    referrer, arrived = people.referrer[referred], people.created[referred]
    known = arrived - people.created[referrer]
    created = arrived - np.minimum(rng.exponential(1.5 * DAY, len(referred)), known * rng.uniform(0.1, 0.9))
    validated = arrived + rng.uniform(1, 5, len(referred)) * DAY
    validated[validated >= END] = np.inf
    status = np.where(np.isfinite(validated), "validated", "pending")
    return _Referrals(referrer, referred, created, validated, status)


def _other_referrals(rng: np.random.Generator, people: _People) -> _Referrals:
    """Return the referrals without a resulting lead: unanswered, rejected, or fraud."""
    count = round(0.16 * people.count)
    near = rng.integers(0, people.count, count)
    created = rng.uniform(people.created[near], np.minimum(people.created[near] + 2.0, END))
    status = rng.choice(["pending", "rejected", "fraud"], count, p=[0.64, 0.25, 0.11])
    return _Referrals(_earlier_lead(rng, people.quality, near), _no_lead(count), created, _never(count), status)


def _invented_referrals(rng: np.random.Generator, people: _People) -> _Referrals:
    """Return the fraud ring: the oldest accounts refer people who do not exist, in the last five days."""
    count = round(0.012 * people.count)
    referrer = rng.integers(0, min(RING_LEADS, people.count), count)
    created = rng.uniform(np.maximum(END - 5 * DAY, people.created[referrer]), END)
    return _Referrals(referrer, _no_lead(count), created, _never(count), np.full(count, "fraud"))


# ---------------------------------------------------------------------------------------------------------- tables


def _leads_table(
    rng: np.random.Generator, people: _People, reached: dict[str, Floats], unsubscribed: Floats
) -> pa.Table:
    """Return one row per lead, in its final state."""
    lead_id = _ids("lead-", np.arange(people.count), 6)
    furthest = np.zeros(people.count, dtype=np.int64)
    for position, status in enumerate(STATUSES):
        furthest[np.isfinite(reached[status])] = position
    score = np.minimum(20.0, 20.0 * people.quality**1.6 * rng.lognormal(0, 0.25, people.count))
    return pa.table(
        {
            "lead_id": lead_id,
            "email": pc.binary_join_element_wise(lead_id, "example.com", "@"),
            "source": _pick([channel.source for channel in CHANNELS], people.channel),
            "utm_source": _pick([channel.utm_source for channel in CHANNELS], people.channel),
            "utm_medium": _pick([channel.utm_medium for channel in CHANNELS], people.channel),
            "utm_campaign": _campaigns(people),
            "referrer_url": _pick([channel.referrer_url for channel in CHANNELS], people.channel),
            "interest_area": _pick(INTERESTS, people.interest),
            "status": _pick(STATUSES, furthest),
            "engagement_score": pa.array(np.round(score, 1)),
            "referrer_lead_id": lead_id.take(pa.array(people.referrer, mask=people.referrer < 0)),
            "created_at": _timestamps(people.created),
            "engaged_at": _timestamps(reached["engaged"]),
            "converted_at": _timestamps(reached["converted"]),
            "unsubscribed_at": _timestamps(unsubscribed),
        }
    )


def _campaigns(people: _People) -> pa.Array:
    """Return the referral campaign for referred leads, the month's campaign for those with a utm_source, else null."""
    names = [*CAMPAIGNS.values(), REFERRAL_CAMPAIGN, None]
    day_month = np.array([(FIRST_DAY + dt.timedelta(days=day)).month for day in range(DAYS)])
    month = day_month[(people.created // DAY).astype(np.int64)] - FIRST_DAY.month
    tagged = np.array([channel.utm_source is not None for channel in CHANNELS])[people.channel]
    position = np.where(people.referrer >= 0, len(names) - 2, np.where(tagged, month, len(names) - 1))
    return _pick(names, position)


def _events_table(rng: np.random.Generator, people: _People, mail: _Mail) -> pa.Table:
    """Return one row per event, in order of time."""
    hidden = people.proxy[mail.lead] & (rng.random(len(mail.lead)) < 0.6)
    seen = {**mail.times, "opened": np.where(hidden, np.inf, mail.times["opened"])}
    rows = [np.flatnonzero(np.isfinite(seen[name])) for name, _, _ in EVENT_KINDS]
    time = np.concatenate([seen[name][row] for (name, _, _), row in zip(EVENT_KINDS, rows, strict=True)])
    kind = np.repeat(np.arange(len(EVENT_KINDS)), [len(row) for row in rows])
    order = np.lexsort((kind, time))
    time, kind, delivery = time[order], kind[order], np.concatenate(rows)[order]

    number = np.empty(len(mail.lead), dtype=np.int64)
    number[np.argsort(mail.times["sent"], kind="stable")] = np.arange(len(number))
    content = mail.content[delivery]
    return pa.table(
        {
            "event_id": _ids("event-", np.arange(len(time)), 8),
            "lead_id": _ids("lead-", np.arange(people.count), 6).take(pa.array(mail.lead[delivery])),
            "delivery_id": _ids("delivery-", number, 8).take(pa.array(delivery)),
            "event_type": _pick([event_type for _, event_type, _ in EVENT_KINDS], kind),
            "content_id": _pick([item.content_id for item in CATALOGUE], content),
            "content_type": _pick([item.content_type for item in CATALOGUE], content),
            "occurred_at": _timestamps(time),
            "is_machine": pa.array(np.array([machine for _, _, machine in EVENT_KINDS])[kind]),
        }
    )


def _referrals_table(referrals: _Referrals) -> pa.Table:
    """Return one row per referral, in order of time, in its final state."""
    number = np.arange(len(referrals.created))
    outsider = pc.binary_join_element_wise(_ids("invitado-", number, 6), "example.net", "@")
    lead = _ids("lead-", np.maximum(referrals.referred, 0), 6)
    became_lead = pa.array(referrals.referred >= 0)
    return pa.table(
        {
            "referral_id": _ids("referral-", number, 6),
            "referrer_lead_id": _ids("lead-", referrals.referrer, 6),
            "referred_email": pc.if_else(became_lead, pc.binary_join_element_wise(lead, "example.com", "@"), outsider),
            "status": pa.array(referrals.status, pa.string()),
            "created_at": _timestamps(referrals.created),
            "validated_at": _timestamps(referrals.validated),
        }
    )


def _content_table() -> pa.Table:
    """Return one row per item of the content catalogue."""
    published = pa.array([dt.date.fromisoformat(item.published) for item in CATALOGUE])
    return pa.table(
        {
            "content_id": [item.content_id for item in CATALOGUE],
            "content_type": [item.content_type for item in CATALOGUE],
            "title": [item.title for item in CATALOGUE],
            "url": [f"https://www.example.com/contenidos/{item.content_id}" for item in CATALOGUE],
            "interest_area": pa.array([item.interest_area for item in CATALOGUE], pa.string()),
            "published_at": published.cast(pa.timestamp("us")).cast(TIMESTAMP),
        }
    )


def _status_changes_table(reached: dict[str, Floats]) -> pa.Table:
    """Return one row per status that a lead reached, including the first, in order of time."""
    time = np.concatenate(list(reached.values()))
    status, lead = np.divmod(np.arange(len(time)), len(time) // len(reached))
    order = np.lexsort((lead, status, time))[: np.isfinite(time).sum()]
    return pa.table(
        {
            "lead_id": _ids("lead-", lead[order], 6),
            "status": _pick(list(reached), status[order]),
            "changed_at": _timestamps(time[order]),
        }
    )


def _spend_table() -> pa.Table:
    """Return one row per day and channel that money was spent on, the same every day."""
    days = [FIRST_DAY + dt.timedelta(days=number) for number in range(DAYS)]
    rows = [(day, channel, amount) for day in days for channel, amount in SPEND_A_DAY.items()]
    return pa.table(
        {
            "day": pa.array([day for day, _, _ in rows], pa.date32()),
            "channel": [channel for _, channel, _ in rows],
            "amount": [amount for _, _, amount in rows],
            "currency": [CURRENCY] * len(rows),
        }
    )


# --------------------------------------------------------------------------------------------------------- helpers


def _sigmoid(value: Floats) -> Floats:
    share: Floats = 1 / (1 + np.exp(-value))
    return share


def _weekday(day: Ints | Floats) -> Ints:
    """Return the weekday, Monday is 0; `day` counts from `FIRST_DAY`."""
    return ((day + FIRST_DAY.weekday()) % 7).astype(np.int64)


def _next_workday(day: Floats) -> Floats:
    """Return the day itself, or the next Monday if it is on a weekend."""
    weekday = _weekday(day)
    return np.where(weekday >= 5, day + 7 - weekday, day)


def _never(count: int) -> Floats:
    return np.full(count, np.inf)


def _no_lead(count: int) -> Ints:
    return np.full(count, -1, dtype=np.int64)


def _first(lead: Ints, time: Floats, count: int) -> Floats:
    """Return each lead's earliest time; `inf` for leads without any."""
    earliest = _never(count)
    np.minimum.at(earliest, lead, time)
    return earliest


def _nth(lead: Ints, time: Floats, nth: Ints) -> Floats:
    """Return each lead's `nth` time (1 is the earliest); `inf` for leads with fewer."""
    happened = np.isfinite(time)
    lead, time = lead[happened], time[happened]
    order = np.lexsort((time, lead))
    lead, time = lead[order], time[order]
    rank = np.arange(len(lead)) - np.searchsorted(lead, lead) + 1
    found = rank == nth[lead]
    result = _never(len(nth))
    result[lead[found]] = time[found]
    return result


def _ids(prefix: str, number: Ints, width: int) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pc.utf8_lpad(pa.array(number).cast(pa.string()), width, "0"), "")


def _pick(values: list[str | None] | list[str] | tuple[str | None, ...], position: Ints) -> pa.Array:
    return pa.array(values, pa.string()).take(pa.array(position))


def _timestamps(hours: Floats) -> pa.Array:
    """Return UTC timestamps in whole seconds; null for `inf`."""
    never = ~np.isfinite(hours)
    start = int(dt.datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=dt.timezone.utc).timestamp())
    seconds = start + np.floor(np.where(never, 0.0, hours) * 3600).astype(np.int64)
    return pa.array(seconds * 1_000_000, mask=never).cast(TIMESTAMP)

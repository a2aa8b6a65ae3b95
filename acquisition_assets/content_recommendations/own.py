"""Makes the recommendations of the team's own items: reads, chooses a method on the past, ranks, and stages the rows.

The computations are left to the modules that it calls, and the fixed items of the document to `asset`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from acquisition_assets.content_recommendations.choice import (
    Choice,
    Estimate,
    choose,
    cold_reason,
    default_popularity,
    held_out_gain,
    tuned_popularity,
)
from acquisition_assets.content_recommendations.messages import words_table
from acquisition_assets.content_recommendations.neighbours import (
    Sparse,
    closeness,
    last_read,
    nearest_read,
    similarities,
    taste,
)
from acquisition_assets.content_recommendations.past import (
    HOUR_US,
    Candidate,
    Past,
    judge_popularity,
    judge_taste,
)
from acquisition_assets.content_recommendations.policy import (
    RULE_AREAS,
    RULES,
    ContentPolicy,
    RecommendationPolicy,
    RuleName,
)
from acquisition_assets.content_recommendations.popularity import newest, popularity
from acquisition_assets.content_recommendations.quality import quality_table
from acquisition_assets.content_recommendations.ranking import (
    FILLING,
    NO_ITEM,
    Block,
    Method,
    Picks,
    block_of,
    contains,
    pick,
    with_close,
)
from acquisition_assets.content_recommendations.reads import (
    NEVER,
    Flags,
    Floats,
    Ints,
    Items,
    Readings,
    Weights,
    distinct,
    flags,
    items_of,
    readings_of,
    weights_of,
    whole,
)
from acquisition_assets.content_recommendations.reasons import Readers, readers_of, reasons
from acquisition_assets.core.days import EPOCH, end_of_day
from acquisition_assets.core.engine.session import Parameters, Session
from acquisition_assets.core.engine.slices import Slices
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.core.step import Step
from acquisition_assets.raw.contract import RAW_CONTENT, RAW_EVENTS

FOLDER = "content_recommendations"
DIGITS = 4
EVENTS_OF_A_SLICE = 6_000_000
"""Events that are grouped by lead, item and day at a time, so that their groups fit into the least memory limit."""
MICROSECOND = dt.timedelta(microseconds=1)
WINDOW_NAMES = ("short_steps", "middle_steps", "long_steps")
PICKS = pa.schema(
    [
        *((name, pa.int64()) for name in ("lead_number", "rank", "reason_number", "item_number", "readers")),
        *((name, pa.int64()) for name in ("because_number", "next_number")),
        *((name, pa.float64()) for name in ("item_score", "popularity_part", "personal_part", "next_score")),
    ]
)


@dataclass(frozen=True)
class Day:
    """What a day's items are ranked with: the catalogue, the chosen method, and the items of every rule.

    gain: of the choice over popularity with the default half-life, on cuts that did not choose.
    """

    items: Items
    method: Method
    choice: Choice
    similar: Sparse | None
    readers: Readers
    kinds: dict[RuleName, Sequence[Flags]]
    quality: pa.Table
    gain: Estimate | None


def parameters(step: Step, rules: RecommendationPolicy, content: ContentPolicy) -> dict[str, object]:
    """Return the parameters of the SQL of own items."""
    end = end_of_day(step.day, step.env.tz)
    windows = zip(WINDOW_NAMES, content.reader_days, strict=True)
    return {
        **rules.parameters(),
        **content.parameters(),
        **{name: content.steps(days) for name, days in windows},
        "end_at": end,
        "end_us": (end - EPOCH) // MICROSECOND,
        "step_us": float(content.step_hours * HOUR_US),
        "with_shipped": content.shipped == "always",
        "sent_steps": content.steps(content.sent_days),
        "opened_steps": content.steps(content.opened_days),
        "history_steps": content.steps(content.history_days),
        "cold_steps": content.steps(content.cold_days),
    }


def bind_items(step: Step, given: Parameters) -> None:
    """Bind the catalogue and what leads were sent and read of it. Reads raw_content, raw_events, items, rule_leads."""
    session = step.session
    listed = step.session.query(f"select count(*) as items from {RAW_CONTENT.table}").column("items").to_pylist()[0]
    session.bind_query("own_items", read_sql(f"{FOLDER}/{'listed_items' if listed else 'named_items'}"))
    for name in ("catalogue", "numbered_leads", "item_deliveries", "moved_events"):
        session.bind_query(name, read_sql(f"{FOLDER}/{name}"), given)
    session.bind_query("lead_items", read_sql(f"{FOLDER}/lead_items"), given, _event_slices(session))


def _event_slices(session: Session) -> Slices:
    """Return ranges of lead ids with about EVENTS_OF_A_SLICE events each. Reads raw_events, numbered_leads."""
    (events,) = session.query(f"select count(*) as events from {RAW_EVENTS.table}").column("events").to_pylist()
    leads, _ = _sizes(session)
    every = max(1, leads // max(1, -(-events // EVENTS_OF_A_SLICE)))
    bounds = session.query(
        f"select lead_id from numbered_leads where lead_number > 0 and lead_number % {every} = 0 order by lead_id"
    )
    return Slices("lead_id", tuple(bounds.column("lead_id").to_pylist()), (RAW_EVENTS.table, "moved_events"))


def produce_own(step: Step, rules: RecommendationPolicy, content: ContentPolicy, locale: Locale) -> Day:
    """Stage the recommendations of the team's own items, and return how they were ranked."""
    given = parameters(step, rules, content)
    bind_items(step, given)
    day = day_of(step, rules, content, given, locale)
    session = step.session
    session.bind_arrow("words", words_table(rules, content.reader_days, locale))
    session.bind_arrow("first_kind", _first_kind(day))
    leads, _ = _sizes(session)
    starts = range(0, max(leads, 1), content.slice_leads)
    missing, held = np.zeros(len(RULES), dtype=np.int64), np.zeros(len(RULES), dtype=np.int64)
    for number, start in enumerate(starts):
        bounds = {**given, "first_lead": start, "end_lead": start + content.slice_leads}
        some, lacking, holding = ranked_slice(session, day, rules, content, bounds)
        missing, held = missing + lacking, held + holding
        session.bind_arrow(f"picks_{number}", some)
    session.bind_view("picks", " union all ".join(f"select * from picks_{number}" for number in range(len(starts))))
    session.bind_arrow("rule_outcomes", _outcomes(day, held, missing))
    step.write_query(f"{FOLDER}/own_recommendations")
    return day


def day_of(step: Step, rules: RecommendationPolicy, content: ContentPolicy, given: Parameters, locale: Locale) -> Day:
    """Return what the day's items are ranked with. Reads catalogue, lead_items, numbered_leads."""
    session = step.session
    catalogue = session.query("select * from catalogue order by item_number")
    items = items_of(catalogue, _query(session, "item_ages"), end_of_day(step.day, step.env.tz))
    weighed = _query(session, "item_weights", given)
    leads, areas = _sizes(session)
    weights = weights_of(weighed, areas)
    current = items.available(0, content.step_hours * HOUR_US)
    recent = whole(weighed, "age") < content.steps(content.cold_days)
    readings = int(whole(weighed, "readings", 0)[recent].sum())
    sampled = readings_of(
        _query(session, "sampled_items", {**given, "every": 1 + leads // (content.similarity_leads + 1)})
    )
    whole_days = step.day.isoweekday() % 7
    past, choice = judged_choice(sampled, weights, items, whole_days, int(current.sum()), readings, content)
    readers = readers_of(_query(session, "item_readers", given), weights.areas, items.count)
    method, similar = _method(choice.candidate, sampled, weights, items, content)
    return Day(
        items=items,
        method=method,
        choice=choice,
        similar=similar,
        readers=readers,
        kinds={rule: kind(rule, items, rules) for rule in RULES},
        quality=quality_table(past, choice, int(current.sum()), readings, content, locale),
        gain=held_out_gain(past, content),
    )


def judged_choice(
    sampled: Readings,
    weights: Weights,
    items: Items,
    whole_days: int,
    current: int,
    readings: int,
    content: ContentPolicy,
) -> tuple[Past, Choice]:
    """Return how every method did on the past, and the one that ranks the day's items.

    Args:
        sampled: readings of the sampled leads.
        weights: readings of all leads, by item, area and age.
        items: the catalogue.
        whole_days: days from the end of the last whole week to T, so that the choice holds for a week.
        current: items that there are today.
        readings: of the last `cold_days`.
        content: the policy.
    """
    past = judge_popularity(sampled, weights, items, whole_days, content)
    cold = cold_reason(current, readings, content)
    if cold is not None:
        return past, Choice(Candidate("newest"), default_popularity(content), (cold,))
    tuned = tuned_popularity(past, content)
    if past.leads < content.minimum_judged_leads:
        return past, tuned
    half_life = tuned.popularity.half_life_days or content.default_half_life_days
    past = judge_taste(past, sampled, weights, items, half_life, content)
    return past, choose(past, tuned, content)


def _method(
    candidate: Candidate, sampled: Readings, weights: Weights, items: Items, content: ContentPolicy
) -> tuple[Method, Sparse | None]:
    """Return the chosen method as of T, with the similarities of items that it needs."""
    if candidate.half_life_days is None:
        return Method(newest(items.count, weights.areas)), None
    popular = popularity(weights, items.count, 0, candidate.half_life_days, content)
    if candidate.popularity_weight is None:
        return Method(popular), None
    was_read = sampled.read != NEVER
    lead, item, _ = last_read(sampled.lead[was_read], sampled.item[was_read], sampled.read[was_read], content)
    return Method(popular, candidate.popularity_weight), similarities(lead, item, items.count, content)


def kind(rule: RuleName, items: Items, rules: RecommendationPolicy) -> Sequence[Flags]:
    """Return the sets of items that a rule may recommend: the first set that has an item left is taken."""
    wanted = rules.kind_of(rule)
    found = np.ones(items.count, dtype=np.bool_)
    for values, allowed in (
        (items.types, wanted.content_types),
        (items.areas, wanted.interest_areas),
        (items.ids, wanted.content_ids),
    ):
        if allowed:
            found &= np.array([value in allowed for value in values], dtype=np.bool_).reshape(-1)
    area = RULE_AREAS.get(rule)
    if area is None:
        return [found]
    return [found & np.array([value == area for value in items.areas], dtype=np.bool_).reshape(-1), found]


def ranked_slice(
    session: Session, day: Day, rules: RecommendationPolicy, content: ContentPolicy, given: Parameters
) -> tuple[pa.Table, Ints, Ints]:
    """Return the items of the leads of a slice, and for how many leads each rule finds none, and holds."""
    leads = _query(session, "slice_leads", given)
    known = _query(session, "slice_items", given)
    numbers, area = whole(leads, "lead_number"), whole(leads, "area_number")
    lead, item = whole(known, "lead_number"), whole(known, "item_number")
    own = contains(numbers, lead)
    line, item = np.searchsorted(numbers, lead[own]), item[own]
    is_known, completed = flags(known, "is_known")[own], whole(known, "completed")[own] == 1
    block = block_of(area, day.items.count, line[is_known], item[is_known])
    available = day.items.available(0, content.step_hours * HOUR_US)
    read = None
    if day.similar is not None:
        read, block = _with_taste(block, day.similar, line, item, whole(known, "read_age")[own], available, content)
    wanted = [(flags(leads, rule), day.kinds[rule]) for rule in RULES]
    picks, missing = pick(block, day.method, available, wanted, rules.maximum_items)
    because = np.full(picks.item.size, NO_ITEM, dtype=np.int64)
    if read is not None and day.similar is not None:
        own_taste = (picks.wanted == FILLING) & (picks.personal > 0) & (picks.personal >= picks.popular)
        because[own_taste] = nearest_read(read, day.similar, picks.line[own_taste], picks.item[own_taste])
    done = distinct((line * day.items.count + item)[completed])
    was_completed = contains(done, picks.line * day.items.count + because) & (because >= 0)
    reason, readers = reasons(picks, area[picks.line], because, was_completed, day.readers, day.choice.candidate)
    holding = np.array([holds.sum() for holds, _ in wanted], dtype=np.int64)
    return _picks_table(picks, numbers, reason, readers, because), np.array(missing, dtype=np.int64), holding


def _with_taste(
    block: Block, similar: Sparse, line: Ints, item: Ints, age: Ints, available: Flags, content: ContentPolicy
) -> tuple[Sparse, Block]:
    """Return what the leads of a block have read, and the block with the closeness of items to it."""
    was_read = age != NEVER
    line, item, age = last_read(line[was_read], item[was_read], age[was_read], content)
    read = taste(line, item, age, (block.leads, block.items), content)
    return read, with_close(block, closeness(read, similar), available)


def _picks_table(picks: Picks, numbers: Ints, reason: Ints, readers: Ints, because: Ints) -> pa.Table:
    """Return the picks as rows of numbers; the scores are the sums of their rounded parts."""
    popular, personal = _rounded(picks.popular), _rounded(picks.personal)
    has_next = picks.next_item != NO_ITEM
    columns = {
        "lead_number": pa.array(numbers[picks.line]),
        "rank": pa.array(picks.rank),
        "reason_number": pa.array(reason),
        "item_number": pa.array(picks.item),
        "readers": pa.array(readers),
        "because_number": pa.array(because, mask=because < 0),
        "next_number": pa.array(picks.next_item, mask=~has_next),
        "item_score": pa.array(_rounded(popular + personal)),
        "popularity_part": pa.array(popular),
        "personal_part": pa.array(personal),
        "next_score": pa.array(_rounded(picks.next_score), mask=~has_next),
    }
    return pa.table(
        [columns[name].cast(kind) for name, kind in zip(PICKS.names, PICKS.types, strict=True)], schema=PICKS
    )


def _rounded(values: Floats) -> Floats:
    """Return values, none of them negative, rounded half up."""
    scale = 10.0**DIGITS
    rounded: Floats = np.floor(values * scale + 0.5) / scale
    return rounded


def _first_kind(day: Day) -> pa.Table:
    """Return the numbers of the items of the first rule that there are today."""
    current = day.items.available(0, 1)
    any_kind = np.logical_or.reduce(list(day.kinds[RULES[0]])) & current
    return pa.table({"item_number": pa.array(np.flatnonzero(any_kind), pa.int64())})


def _outcomes(day: Day, held: Ints, missing: Ints) -> pa.Table:
    """Return one row per rule: for how many leads it holds and finds nothing, and the items of its kind."""
    current = day.items.available(0, 1)
    kinds = [int((np.logical_or.reduce(list(day.kinds[rule])) & current).sum()) for rule in RULES]
    return pa.table({"rule": list(RULES), "holds": held, "item_missing": missing, "items": kinds})


def _sizes(session: Session) -> tuple[int, int]:
    """Return the number of leads, and the greatest number of an area of interest."""
    query = "select count(*) as leads, coalesce(max(area_number), 0) as areas from numbered_leads"
    (row,) = session.query(query).to_pylist()
    return int(row["leads"]), int(row["areas"])


def _query(session: Session, name: str, given: Parameters | None = None) -> pa.Table:
    return session.query(read_sql(f"{FOLDER}/{name}"), given)

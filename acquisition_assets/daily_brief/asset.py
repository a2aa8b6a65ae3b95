"""Builds the asset `daily_brief`: reads the tables of the day, writes the page into the lake, and a row about it.

What is on the page is left to `compose`, and how it looks to `page`.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from acquisition_assets.core.days import end_of_day, start_of_day
from acquisition_assets.core.env import Env
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.output import Output, output_assets
from acquisition_assets.core.step import Comparison, Finding, Step
from acquisition_assets.daily_brief.compose import Rules, compose
from acquisition_assets.daily_brief.contract import DAILY_BRIEF, METRICS
from acquisition_assets.daily_brief.facts import read_facts
from acquisition_assets.daily_brief.model import Brief, Headline, Missing
from acquisition_assets.daily_brief.page import render
from acquisition_assets.raw.contract import RAW_LEADS, SOURCE_STATE

PAGE = "brief.html"
WEEK_PAGE = "week.html"
DELIVERED_CHECK = "delivered"
"""Name of the check that fails while a target has not taken the brief of a day."""


def page_path(day: dt.date, *, with_week: bool = False) -> str:
    """Return where the page of a day is, below the lake."""
    return f"briefs/date={day}/{WEEK_PAGE if with_week else PAGE}"


def build(env: Env, rules: Rules) -> list[dg.AssetsDefinition]:
    """Return the asset of the brief. Its days run in order, as its lines read tables of earlier days."""
    output = Output(
        contract=DAILY_BRIEF,
        description="A page that says what to know of the day: numbers, leads to talk to, channels, data health.",
        policy=rules,
        deps=[SOURCE_STATE.table, RAW_LEADS.table, *rules.outputs],
        produce=produce,
        recompute=recompute,
        recomputed_text="New leads from raw_leads, and leads likely to convert from their points.",
        details=details,
        checks={DELIVERED_CHECK: "Each target of ACQUISITION_BRIEF_URLS took the brief of the day."},
        reported=frozenset({DELIVERED_CHECK}),
        findings=findings,
        kinds=frozenset({"html", "parquet"}),
    )
    return [output_assets(env, [output], ordered_days=True)]


def produce(step: Step, rules: Rules) -> None:
    """Publish the page of the step's day, and stage the row about it.

    The page comes first: a row never names a page that is not there.
    """
    brief = compose(read_facts(step, rules.brief, rules.outputs), rules, step.env.tz)
    text = render(brief, rules.locale)
    step.env.lake.publish_page(text, page_path(step.day))
    row = {"day": step.day, "path": page_path(step.day), "bytes": len(text.encode()), **headline_columns(brief)}
    step.write_table(pa.Table.from_pylist([row], schema=DAILY_BRIEF.arrow_schema))


def headline_columns(brief: Brief) -> dict[str, float | None]:
    """Return the headline numbers of a brief as the columns of its row."""
    found: Sequence[Headline] = () if isinstance(brief.headline, Missing) else brief.headline
    numbers = {METRICS.get(each.metric, each.metric): each.value.value for each in found}
    likely = numbers.pop("likely", None)
    return {
        **numbers,
        "likely_to_convert": likely,
        "anomalies": brief.anomalies,
        "missing_outputs": len(brief.health.absent),
    }


def recompute(step: Step, rules: Rules) -> Comparison:
    """Compare new leads and leads likely to convert with the tables that `produce` has bound, counted otherwise."""
    tz = step.env.tz
    window = {"since": start_of_day(step.day, tz), "until": end_of_day(step.day, tz)}
    return step.compare({**window, "likely_above": rules.likely_above})


def details(step: Step, rules: Rules) -> Mapping[str, Any]:
    """Return the link to the page, and the headline numbers that the lake has."""
    row = step.session.query("select * from staged").to_pylist()[0]
    numbers = {name: value for name, value in row.items() if isinstance(value, (int, float))}
    return {"brief": dg.MetadataValue.url(step.env.lake.link(row["path"])), **numbers}


def findings(step: Step, rules: Rules) -> list[Finding]:
    """Report that no target has refused the new page. Later outcomes are reported by the sensor that sends it."""
    return [Finding(DELIVERED_CHECK, passed=True, description="no target has refused it so far")]


def sent_page(lake: Lake, day: dt.date) -> tuple[str, str]:
    """Return the page of a day, and a hash of its headline numbers by which a correction is recognised.

    Raises:
        LakeError: The lake lacks the brief of the day.
    """
    (row,) = lake.read(DAILY_BRIEF.table, day).to_pylist()
    numbers = sorted((name, value) for name, value in row.items() if name not in ("day", "path", "bytes"))
    return lake.read_page(row["path"]), hashlib.sha256(repr(numbers).encode()).hexdigest()[:16]


def make_brief(env: Env, day: dt.date, rules: Rules, *, with_week: bool = False) -> str:
    """Make the brief of a day from the lake alone, outside of Dagster. Return its place below the lake.

    Args:
        env: The lake and the engine.
        day: The business day.
        rules: What the policy says.
        with_week: Whether a page of its own also compares seven days with the seven before; it has no row.

    Raises:
        ContractError: The row breaks its contract, or differs from its second computation.
    """
    with env.lake.staging() as folder, env.engine.session(folder) as session:
        step = Step(env, DAILY_BRIEF, day, session, folder)
        if with_week:
            brief = compose(read_facts(step, rules.brief, rules.outputs), rules, env.tz, with_week=True)
            env.lake.publish_page(render(brief, rules.locale), page_path(day, with_week=True))
        else:
            produce(step, rules)
            step.publish()
    return page_path(day, with_week=with_week)

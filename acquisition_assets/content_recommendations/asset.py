"""Builds the assets `content_recommendations` and `recommender_quality`: inputs, runs, checks and plots.

The rules are left to sql/content_recommendations, and the ranking of the team's own items to `own`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pyarrow as pa

from acquisition_assets.content_recommendations.contract import CONTENT_RECOMMENDATIONS, RECOMMENDER_QUALITY
from acquisition_assets.content_recommendations.own import Day, parameters, produce_own
from acquisition_assets.content_recommendations.policy import RULE_AREAS, RULES, ContentPolicy, RecommendationPolicy
from acquisition_assets.content_recommendations.report import TASK, content_types, recommendation_report
from acquisition_assets.core.env import Env
from acquisition_assets.core.output import Output, output_assets
from acquisition_assets.core.plots import bars, intervals
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.core.step import Comparison, Finding, Step
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.features.resolve import bind_resolved
from acquisition_assets.raw.contract import RAW_ALIASES, RAW_CONTENT, RAW_EVENTS

ITEMS_EXIST = "Every rule that holds for a lead finds an item of its kind in the team's content (else WARN)."
BEATS_POPULARITY = (
    "On each past cut, what the other cuts choose ranks no worse than popularity with the default half-life, beyond "
    "chance (else WARN)."
)


@dataclass(frozen=True)
class Rules:
    """What the recommendations need of the policy."""

    rules: RecommendationPolicy
    content: ContentPolicy
    locale: Locale
    report_length: int

    @property
    def is_own(self) -> bool:
        """Whether the team's own items are recommended, and not the document's."""
        return self.rules.items == "own"


def build(env: Env, rules: Rules) -> list[dg.AssetsDefinition]:
    """Return the assets of the recommendations and of their quality, which one step makes."""
    deps = [LEAD_ACTIVITY.table, DYNAMIC_SCORES.table, RAW_EVENTS.table, RAW_CONTENT.table, RAW_ALIASES.table]
    recommendations = Output(
        contract=CONTENT_RECOMMENDATIONS,
        description="What to send each lead next, at most five items, each with its rule and reason.",
        policy=rules,
        deps=deps,
        produce=produce,
        recompute=recompute,
        recomputed_text="The items of the rule interest_marketing, counted without the other rules.",
        task=TASK,
        report=lambda step, rules: recommendation_report(step, rules.report_length),
        plot=plot,
        checks={"items_exist": ITEMS_EXIST},
        findings=items_exist,
        details=numbers,
        kinds=frozenset({"parquet", "python"}),
    )
    quality = Output(
        contract=RECOMMENDER_QUALITY,
        description="How well each way of ranking the team's content agrees with what leads read next.",
        policy=rules,
        deps=[LEAD_ACTIVITY.table, RAW_EVENTS.table, RAW_CONTENT.table, RAW_ALIASES.table],
        produce=produce_quality,
        recompute=recompute_quality,
        recomputed_text="The items of the catalogue and the readings of the last days, counted lead by lead.",
        plot=plot_quality,
        details=quality_numbers,
        checks={"beats_popularity": BEATS_POPULARITY},
        findings=beats_popularity,
        kinds=frozenset({"parquet", "python"}),
    )
    return [output_assets(env, [recommendations, quality], name=CONTENT_RECOMMENDATIONS.table)]


def items_table(policy: RecommendationPolicy) -> pa.Table:
    """Return the document's items, one row per rule, in the rules' order."""
    rows = [
        {
            "rule": rule,
            "place": place,
            **policy.document_items[rule].model_dump(),
            "interest_area": RULE_AREAS.get(rule),
        }
        for place, rule in enumerate(RULES, 1)
    ]
    return pa.Table.from_pylist(rows)


def produce(step: Step, rules: Rules) -> None:
    """Stage the day's items: those of every rule that holds, and with own items the best of the rest."""
    for contract in (LEAD_ACTIVITY, DYNAMIC_SCORES, RAW_CONTENT):
        step.bind(contract)
    bind_resolved(step, RAW_EVENTS)
    session = step.session
    session.bind_arrow("items", items_table(rules.rules))
    session.bind_query("rule_leads", read_sql("content_recommendations/rule_leads"), rules.rules.parameters())
    if rules.is_own:
        produce_ranked(step, rules)
        return
    session.bind_query("completed", read_sql("content_recommendations/completed_items"))
    step.write_query("content_recommendations/content_recommendations", rules.rules.parameters())


def produce_ranked(step: Step, rules: Rules) -> None:
    """Stage the recommendations of the team's own items, and bind how they were ranked, for the quality."""
    day = produce_own(step, rules.rules, rules.content, rules.locale)
    step.session.bind_arrow("day_quality", day.quality)
    step.session.bind_arrow("held_out", _held_out(day))


def _held_out(day: Day) -> pa.Table:
    """Return the gain of the choice on cuts that did not choose, as one row, or none."""
    types = pa.schema([(name, pa.float64()) for name in ("value", "low", "high")])
    return pa.Table.from_pylist([] if day.gain is None else [vars(day.gain)], schema=types)


def recompute(step: Step, rules: Rules) -> Comparison:
    """Compare the items of one rule with a count that ignores all other rules."""
    if not rules.is_own:
        return step.compare()
    given = parameters(step, rules.rules, rules.content)
    published = step.row("content_recommendations/own_published")
    recomputed = step.row("content_recommendations/own_recomputed", given)
    return [(what, published[what], recomputed[what]) for what in published]


def numbers(step: Step, rules: Rules) -> Mapping[str, Any]:
    """Return for how many leads there are items, for how many each rule found none, and how the items are ranked."""
    counted = step.numbers("content_recommendations/numbers")
    if not rules.is_own:
        return counted
    (chosen,) = step.session.query("select method, reason from day_quality where is_chosen").to_pylist()
    missing = {f"item_missing_{row['rule']}": row["item_missing"] for row in _outcomes(step)}
    return {**counted, "ranked_by": chosen["method"], "ranked_by_reason": chosen["reason"], **missing}


def _outcomes(step: Step) -> list[dict[str, Any]]:
    """Return what became of each rule, in the rules' order."""
    rows: list[dict[str, Any]] = step.session.query("select * from rule_outcomes").to_pylist()
    return sorted(rows, key=lambda row: RULES.index(row["rule"]))


def items_exist(step: Step, rules: Rules) -> Sequence[Finding]:
    """Warn of rules that hold for some lead, but have no item of their kind in the catalogue."""
    if not rules.is_own:
        return [Finding("items_exist", True, "the document's items are recommended")]
    outcomes = _outcomes(step)
    texts = [
        f"rule {row['rule']} finds no {_kind(rules.rules, row['rule'])} in your content"
        for row in outcomes
        if row["holds"] and not row["items"]
    ]
    counts = {row["rule"]: row["item_missing"] for row in outcomes if row["item_missing"]}
    left = ", ".join(f"{rule}: {leads}" for rule, leads in counts.items())
    text = "; ".join(texts) or "every rule that holds finds items of its kind"
    more = f"; leads for whom a rule has no item left: {left}" if left else ""
    return [Finding("items_exist", not texts, text + more, metadata={"item_missing": sum(counts.values())})]


def _kind(rules: RecommendationPolicy, rule: Any) -> str:
    """Return which items a rule may recommend, in words."""
    kind = rules.kind_of(rule)
    parts = [
        " or ".join(kind.content_types) or "item",
        f"about {' or '.join(kind.interest_areas)}" if kind.interest_areas else "",
        f"of the {len(kind.content_ids)} that the policy names" if kind.content_ids else "",
    ]
    return " ".join(part for part in parts if part)


def plot(step: Step, rules: Rules) -> str:
    """Draw items per content type."""
    return bars(content_types(step), "Items by type")


# -- recommender_quality -----------------------------------------------------------------------------------------------


def produce_quality(step: Step, rules: Rules) -> None:
    """Stage how every method did on the past; nothing with the document's items, which are not ranked."""
    if rules.is_own:
        step.write_table(step.session.query("select * from day_quality"))
    else:
        step.write_table(RECOMMENDER_QUALITY.empty())


def recompute_quality(step: Step, rules: Rules) -> Comparison:
    """Compare the sizes that the methods were given with the tables."""
    if not rules.is_own:
        return []
    published = step.row("recommender_quality/published")
    recomputed = step.row("recommender_quality/recomputed", parameters(step, rules.rules, rules.content))
    return [(what, published[what], recomputed[what]) for what in published]


def beats_popularity(step: Step, rules: Rules) -> Sequence[Finding]:
    """Warn where choosing on the past ranks worse than popularity with the default half-life, on new cuts."""
    name = "beats_popularity"
    if not rules.is_own:
        return [Finding(name, True, "the document's items are not ranked")]
    found = step.session.query("select * from held_out").to_pylist()
    if not found:
        return [Finding(name, True, "there are not two past cuts to judge by")]
    gain = found[0]
    interval = (
        f"{gain['value']:+.4f}, {rules.content.confidence:.0%} interval {gain['low']:+.4f} to {gain['high']:+.4f}"
    )
    default = f"popularity with a half-life of {rules.content.default_half_life_days:g} days"
    text = f"gain in NDCG over {default}, on cuts that did not choose: {interval}"
    return [Finding(name, gain["high"] >= 0, text, metadata={"gain": gain["value"]})]


def quality_numbers(step: Step, rules: Rules) -> Mapping[str, Any]:
    """Return how well the chosen method did on the past."""
    return step.numbers("recommender_quality/numbers")


def plot_quality(step: Step, rules: Rules) -> str:
    """Draw the NDCG of each method with its interval."""
    rows = step.session.query(
        "select method, ndcg, ndcg_low, ndcg_high from staged where ndcg is not null order by ndcg desc, method"
    ).to_pylist()
    names = ("ndcg", "ndcg_low", "ndcg_high")
    rates = {row["method"]: tuple(100 * row[name] for name in names) for row in rows}
    return intervals(rates, "NDCG by method, %")

"""Here: `acquisition explain`: a lead's score, prediction, segments and recommendations with their reasons.

Not here: the rules; every number shown was published by a run, and what is said of a rule comes from the policy.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from acquisition_assets.behavior_predictions.contract import FACTORS
from acquisition_assets.commands import reasons
from acquisition_assets.commands.console import console, heading, line, table, written
from acquisition_assets.commands.deployment import open_lake, read_criteria, read_settings
from acquisition_assets.content_recommendations.policy import RULES
from acquisition_assets.core.days import parse_day
from acquisition_assets.core.errors import InputError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.masking import MASK, clean, masked_email
from acquisition_assets.criteria.language import Criterion
from acquisition_assets.dynamic_scores.contract import PARTS
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.policy import Policy, read_policy

Row = Mapping[str, Any]
NEEDED = ("lead_activity", "dynamic_scores")
OPTIONAL = ("behavior_predictions", "lead_segments", "content_recommendations")
HALF_A_CENT = 0.005
TRUTHS = {True: Text("true", "green"), False: Text("false", "red"), None: Text("unknown", "yellow")}


@dataclass(frozen=True)
class Lead:
    """All that the lake says of a lead on a day.

    previous_day: the day whose published score is the previous one; missing: tables that the lake lacks on the day.
    """

    day: dt.date
    activity: Row
    score: Row
    previous_day: dt.date | None
    prediction: Row | None
    segments: frozenset[str]
    items: Sequence[Row]
    missing: frozenset[str]

    @property
    def facts(self) -> Row:
        """What a segment's criterion may read."""
        probability = self.prediction["conversion_probability"] if self.prediction else None
        return {**self.activity, "engagement_score": self.score["score"], "conversion_probability": probability}


def explain_command(lead_id: str, date: str | None, **options: str | None) -> int:
    """Print the explanation of a lead; the exit code.

    Raises:
        InputError: the lake has no such lead or day, or a setting or the policy is wrong.
        LakeError: a partition is corrupt.
    """
    settings = read_settings(**options)
    day = None if date is None else parse_day(date, "--date")
    policy = read_policy(settings.policy_path)
    criteria = read_criteria(settings, policy)
    lake = open_lake(settings)
    lead = read_lead(lake, lead_id, chosen_day(lake, day), policy.dynamic_scores.lookback_days)
    out = console()
    _who(lead, out)
    _score(lead, policy, out)
    _prediction(lead, policy, out)
    _segments(lead, criteria, out)
    _recommendations(lead, policy, out)
    return 0


def chosen_day(lake: Lake, asked: dt.date | None) -> dt.date:
    """The asked day, or the newest one that has scores.

    Raises:
        InputError: the lake does not have it.
    """
    days = sorted(set(lake.days(NEEDED[0])) & set(lake.days(NEEDED[1])))
    if not days:
        raise InputError(f"the lake {lake.url} has no scores; name another one with --lake, or run: acquisition run")
    if asked is not None and asked not in days:
        raise InputError(
            f"the lake {lake.url} has no scores of {asked}; it has {len(days)} days from {days[0]} to {days[-1]}; "
            f"choose one of them, or run: acquisition run --date {asked}"
        )
    return asked or days[-1]


def read_lead(lake: Lake, lead_id: str, day: dt.date, lookback_days: int) -> Lead:
    """What the lake says of a lead on a day.

    Raises:
        InputError: it does not know the lead.
    """
    activity, scores = (_rows(lake, name, day, lead_id) for name in NEEDED)
    if not activity or not scores:
        raise InputError(f"there is no lead {lead_id!r} on {day} in the lake {lake.url}; check the id and the day")
    predictions = _rows(lake, "behavior_predictions", day, lead_id)
    return Lead(
        day=day,
        activity=activity[0],
        score=scores[0],
        previous_day=_previous_day(lake, lead_id, day, lookback_days, float(scores[0]["previous_score"])),
        prediction=predictions[0] if predictions else None,
        segments=frozenset(row["segment"] for row in _rows(lake, "lead_segments", day, lead_id)),
        items=sorted(_rows(lake, "content_recommendations", day, lead_id), key=lambda row: int(row["rank"])),
        missing=frozenset(name for name in OPTIONAL if not lake.has(name, day)),
    )


def _rows(lake: Lake, name: str, day: dt.date, lead_id: str) -> list[dict[str, Any]]:
    """The lead's rows of a table; none where the day lacks the table."""
    if not lake.has(name, day):
        return []
    return list(lake.read(name, day, filters=[("lead_id", "=", lead_id)]).to_pylist())


def _previous_day(lake: Lake, lead_id: str, day: dt.date, lookback_days: int, score: float) -> dt.date | None:
    """The newest of the days before that has the lead with this score."""
    earlier = [d for d in lake.days("dynamic_scores") if day - dt.timedelta(days=lookback_days) <= d < day]
    for candidate in reversed(earlier):
        rows = _rows(lake, "dynamic_scores", candidate, lead_id)
        if rows:
            return candidate if rows[0]["score"] == score else None
    return None


def _is_missing(lead: Lead, name: str, title: str, out: Console) -> bool:
    """Whether the lake lacks a table on the day; then that is told."""
    if name in lead.missing:
        heading(out, title)
        line(out, f"  the lake has no {name} of {lead.day}; make it with: acquisition run --date {lead.day}", "yellow")
    return name in lead.missing


def _who(lead: Lead, out: Console) -> None:
    row = lead.activity
    line(out, f"Lead {row['lead_id']} on {lead.day}", "bold")
    channel = f"{row['source']}, platform {row['platform']}" if row["platform"] else str(row["source"])
    gone = ", unsubscribed" if row["is_unsubscribed"] else ""
    out.print(
        f"  {masked_email(row['email'])}, status {row['status']}{gone}, from "
        + written(channel)
        + f", created {row['created_at']:%Y-%m-%d} ({row['age_days']} days ago)",
        soft_wrap=True,
    )


def _score(lead: Lead, policy: Policy, out: Console) -> None:
    score = lead.score
    heading(out, f"Score {written(score['score'])}")
    told = reasons.of_score(lead.activity, policy)
    names = ("base_score", *PARTS, "clamp_adjustment")
    rows: list[Sequence[object]] = [[name, score[name], told[name]] for name in names]
    rows.append([Text("computed_score", "bold"), score["computed_score"], "all of these together"])
    rows.append(["previous_score", score["previous_score"], _previous(lead, policy)])
    rows.append([Text("score", "bold"), score["score"], reasons.of_change(score, lead.activity, policy)])
    table(out, ["part", "points", "why"], rows)


def _previous(lead: Lead, policy: Policy) -> str:
    if lead.previous_day:
        return f"the score published on {lead.previous_day}"
    rules = policy.dynamic_scores
    clamped = min(rules.maximum_score, max(rules.minimum_score, lead.score["base_score"]))
    is_base = abs(lead.score["previous_score"] - clamped) < HALF_A_CENT
    return "the base score within the limits, as there is no earlier score" if is_base else "an earlier score"


def _prediction(lead: Lead, policy: Policy, out: Console) -> None:
    row = lead.prediction
    if _is_missing(lead, "behavior_predictions", "Prediction", out):
        return
    if row is None:
        heading(out, "Prediction: none")
        line(out, f"  only leads that are new, nurturing or engaged have one; this one is {lead.activity['status']}")
        return
    heading(out, f"Prediction {written(row['conversion_probability'])} %: {row['predicted_next_action']}")
    told = reasons.of_prediction(lead.facts, policy.behavior_predictions)
    rows: list[Sequence[object]] = [[name, row[name], told[name]] for name in FACTORS]
    limit = f"the sum, at most {policy.behavior_predictions.maximum_probability:g}"
    rows.append([Text("conversion_probability", "bold"), row["conversion_probability"], limit])
    table(out, ["factor", "points", "why"], rows)
    line(out, f"  {reasons.of_action(policy.behavior_predictions)}")


def _segments(lead: Lead, criteria: Sequence[Criterion], out: Console) -> None:
    if _is_missing(lead, "lead_segments", "Segments", out):
        return
    heading(out, f"Segments: {', '.join(c.segment for c in criteria if c.segment in lead.segments) or 'none'}")
    for criterion in criteria:
        member = "in " if criterion.segment in lead.segments else "out"
        out.print()
        line(out, f"  {member}  {criterion.segment}: {criterion.text}")
        for text, truth in criterion.parts(lead.facts):
            told = Text.assemble(" " * 7, TRUTHS[truth], " " * (9 - len(TRUTHS[truth])))
            out.print(told.append(clean(f"{text}{_values(criterion, text, lead.facts)}")), soft_wrap=True)
    out.print()
    for criterion in criteria:
        if bool(criterion.evaluate(lead.facts)) != (criterion.segment in lead.segments):
            line(out, f"  {criterion.segment}: published with another criterion; run the day again", "yellow")
    unknown = lead.segments - {criterion.segment for criterion in criteria}
    if unknown:
        line(out, f"  also in segments that the policy no longer has: {', '.join(sorted(unknown))}", "yellow")


def _values(criterion: Criterion, text: str, facts: Row) -> str:
    """The lead's values of the columns that a condition names; personal ones are masked."""
    named = [name for name in sorted(criterion.columns) if re.search(rf"\b{name}\b", text, re.IGNORECASE)]
    values = {name: MASK if _is_personal(name) else reasons.shown(facts[name]) for name in named}
    names = {name: f"{name} " if len(named) > 1 else "" for name in named}
    return f" ({', '.join(f'{names[name]}is {value}' for name, value in values.items())})" if named else ""


def _is_personal(name: str) -> bool:
    return name in LEAD_ACTIVITY.columns and LEAD_ACTIVITY.is_personal(name)


def _recommendations(lead: Lead, policy: Policy, out: Console) -> None:
    if _is_missing(lead, "content_recommendations", "Recommendations", out):
        return
    heading(out, f"Recommendations: {len(lead.items) or 'none'}")
    if lead.activity["status"] not in reasons.RECOMMENDED_STATUSES or lead.activity["is_unsubscribed"]:
        gone = "unsubscribed" if lead.activity["is_unsubscribed"] else str(lead.activity["status"])
        line(
            out, f"  only leads that are new, nurturing or engaged, and not unsubscribed, get items; this one is {gone}"
        )
        return
    rules = policy.content_recommendations
    if lead.items:
        table(
            out,
            ["rank", "type", "title", "reason"],
            [[row["rank"], row["content_type"], row["title"], row["reason"]] for row in lead.items],
        )
    ranks = {row["rule"]: int(row["rank"]) for row in lead.items}
    told = reasons.of_items(lead.facts, rules)
    table(
        out,
        ["rule", "item", "when"],
        [[rule, _outcome(rule, told[rule][1], ranks, rules.maximum_items), told[rule][0]] for rule in RULES],
    )
    if any(not told[rule][1] for rule in ranks):
        line(out, "  published with other thresholds; run the day again", "yellow")


def _outcome(rule: str, holds: bool, ranks: Mapping[str, int], maximum: int) -> str:
    """What became of a rule: the rank of its item, or why it has none."""
    if rule in ranks:
        return f"rank {ranks[rule]}"
    if not holds:
        return "no"
    later = any(RULES.index(other) > RULES.index(rule) for other in ranks)
    return "completed" if later or len(ranks) < maximum else f"over {maximum} items"

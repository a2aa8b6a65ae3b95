"""Runs `acquisition compare`: computes days under the present and a new policy, and shows what changes.

The page is left to `compare_page`, and every rule to its product. The lake is only read.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from acquisition_assets.behavior_predictions import asset as predictions
from acquisition_assets.behavior_predictions.contract import BEHAVIOR_PREDICTIONS
from acquisition_assets.commands.compare_page import ROOM, page
from acquisition_assets.commands.console import console, line, print_section
from acquisition_assets.commands.deployment import open_lake, read_criteria, read_settings
from acquisition_assets.commands.explain import chosen_day
from acquisition_assets.content_recommendations import asset as recommendations
from acquisition_assets.content_recommendations.contract import CONTENT_RECOMMENDATIONS
from acquisition_assets.conversion_forecasts import asset as forecasts
from acquisition_assets.conversion_forecasts import outcomes
from acquisition_assets.conversion_forecasts.contract import RULE_EVIDENCE
from acquisition_assets.conversion_forecasts.measures import Floats, Judged, distinct, draws, numbered
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy
from acquisition_assets.core.contracts import Contract
from acquisition_assets.core.days import parse_day
from acquisition_assets.core.env import Env
from acquisition_assets.core.errors import InputError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.sections import Grid, Part, Section
from acquisition_assets.core.settings import Settings
from acquisition_assets.core.sql_files import read_sql
from acquisition_assets.core.staging import open_folder, temporary_place
from acquisition_assets.core.step import Step
from acquisition_assets.core.words import Words, words_of
from acquisition_assets.definitions import make_engine
from acquisition_assets.dynamic_scores import asset as scores
from acquisition_assets.dynamic_scores.contract import DYNAMIC_SCORES
from acquisition_assets.features import asset as features
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.lead_segments import asset as segments
from acquisition_assets.lead_segments.contract import LEAD_SEGMENTS
from acquisition_assets.lead_segments.memberships import parse_segments
from acquisition_assets.policy import Policy, read_policy

EXAMPLES = 20
"""Leads whose change is shown one by one."""
OF_FEATURES = ("features", "platforms", "channels")
OF_OUTPUTS = ("dynamic_scores", "behavior_predictions", "content_recommendations", "content", "segments")
COMPARED = {
    "scores": DYNAMIC_SCORES,
    "predictions": BEHAVIOR_PREDICTIONS,
    "segments": LEAD_SEGMENTS,
    "items": CONTENT_RECOMMENDATIONS,
}
JUDGED = ("score_band", "predicted_action", "segment")
"""The kinds of rules whose evidence is shown side by side."""
RANKINGS = ("score", "points")
MEASURES = ("auc", "lift")
Result = dict[str, Any]


class ScratchLake(Lake):
    """A lake in a folder of its own; what it lacks is read from another lake, which is never written."""

    def __init__(self, folder: Path, base: Lake) -> None:
        super().__init__(str(folder))
        self.base = base

    def days(self, table: str) -> list[dt.date]:
        """See `Lake.days`."""
        return sorted({*super().days(table), *self.base.days(table)})

    def has(self, table: str, day: dt.date) -> bool:
        """See `Lake.has`."""
        return super().has(table, day) or self.base.has(table, day)

    def snapshot_files(self, table: str, days: Sequence[dt.date], folder: Path) -> list[str]:
        """See `Lake.snapshot_files`."""
        own = set(super().days(table))
        return [
            *super().snapshot_files(table, [day for day in days if day in own], folder / "own"),
            *self.base.snapshot_files(table, [day for day in days if day not in own], folder / "base"),
        ]


def compare_command(policy: str, date: str | None, weeks: int, output: str, lake: str | None) -> int:
    """Compare the present policy with a new one, print the result, and write it as a page and as JSON.

    Raises:
        InputError: a policy, the day or the folder is wrong.
    """
    settings = read_settings(lake=lake)
    renewed = settings.model_copy(update={"policy": policy})
    present, new = (read_policy(each.policy_path) for each in (settings, renewed))
    for each, read in ((settings, present), (renewed, new)):
        read_criteria(each, read)
    base = open_lake(settings)
    day = chosen_day(base, None if date is None else parse_day(date, "--date"))
    result = compare(settings, base, day, weeks, present, new)
    out = console()
    words = words_of(ROOM, present.locale)
    shown = sections(result, words)
    for section in shown:
        print_section(section, out, present.locale)
    texts = {"html": page(result, shown, words), "json": json.dumps(result, indent=2, ensure_ascii=False) + "\n"}
    names = [_write(Path(output) / f"compare-{day}.{kind}", text) for kind, text in texts.items()]
    out.print()
    line(out, words("compare.written", files=", ".join(names)), "bold")
    return 0


def compare(settings: Settings, lake: Lake, day: dt.date, weeks: int, present: Policy, new: Policy) -> Result:
    """Return what changes on a day under a new policy, and what became of the leads of past weeks under both.

    Scores before each day are those of the lake, as if the new policy had begun on that day.
    """
    evidence = new.conversion_forecasts.evidence.model_copy(update={"weeks": weeks})
    judging = new.conversion_forecasts.model_copy(update={"evidence": evidence})
    published = set(lake.days(LEAD_ACTIVITY.table))
    past = outcomes.evidence_days(day, published, judging)
    differing = [name for name in Policy.model_fields if getattr(present, name) != getattr(new, name)]
    with_features = any(name in differing for name in OF_FEATURES)
    with open_folder(temporary_place()) as folder:
        envs = [
            Env(ScratchLake(folder / name, lake), make_engine(settings, lake), settings.tz)
            for name in ("present", "new")
        ]
        found = []
        for env, policy in zip(envs, (present, new), strict=True):
            for each in [*past, day]:
                _compute_day(env, each, policy, with_features=with_features, with_items=each == day)
            found.append(_evidence(env, day, policy, judging))
        return {
            "day": str(day),
            "evidence_days": [str(each) for each in sorted(past)],
            "sections_that_differ": differing,
            "sections_not_compared": [name for name in differing if name not in (*OF_FEATURES, *OF_OUTPUTS)],
            **_changes(envs, day),
            "bands": _bands([rules for rules, _ in found]),
            "rankings": [_ranking(name, found[0][1], found[1][1], judging) for name in RANKINGS],
        }


def _compute_day(env: Env, day: dt.date, policy: Policy, *, with_features: bool, with_items: bool) -> None:
    """Compute the outputs of a day into a scratch lake; items are compared on the newest day alone."""
    chosen = segments.Segments(policy.segments, parse_segments(policy.segments))
    if with_features:
        _make(
            env,
            day,
            LEAD_ACTIVITY,
            features.produce_activity,
            features.Rules(policy.features, policy.platforms, policy.channels, policy.freshness),
        )
    _make(env, day, DYNAMIC_SCORES, scores.produce, policy.dynamic_scores)
    _make(env, day, BEHAVIOR_PREDICTIONS, predictions.produce, policy.behavior_predictions)
    if with_items:
        items = recommendations.Rules(policy.content_recommendations, policy.content, policy.locale, EXAMPLES)
        _make(env, day, CONTENT_RECOMMENDATIONS, recommendations.produce, items)
    _make(env, day, LEAD_SEGMENTS, segments.produce, chosen)


def _make(env: Env, day: dt.date, contract: Contract, produce: Any, rules: Any) -> None:
    """Stage one table with its product's own function, and publish it to the scratch lake."""
    with env.lake.staging() as folder, env.engine.session(folder) as session:
        step = Step(env, contract, day, session, folder)
        produce(step, rules)
        step.publish()


def _changes(envs: Sequence[Env], day: dt.date) -> Result:
    """Return what differs between the scratch lakes on the day."""
    env = envs[0]
    with env.lake.staging() as folder, env.engine.session(folder) as session:
        for place, each in zip(("before", "after"), envs, strict=True):
            step = Step(each, DYNAMIC_SCORES, day, session, folder / place)
            for name, contract in COMPARED.items():
                step.bind(contract, [day], name=f"{name}_{place}")
        session.bind_query("changed_leads", _sql("changed_leads"))
        (totals,) = session.query(_sql("totals")).to_pylist()
        return {
            "totals": totals,
            "actions": session.query(_sql("actions")).to_pylist(),
            "segments": session.query(_sql("segments")).to_pylist(),
            "examples": session.query(_sql("examples"), {"length": EXAMPLES}).to_pylist(),
        }


def _sql(name: str) -> str:
    return read_sql(f"policy_comparison/{name}")


def _evidence(env: Env, day: dt.date, policy: Policy, judging: ForecastPolicy) -> tuple[list[Result], pa.Table]:
    """Return the evidence for each rule on the past weeks, and the scores and points of the judged leads."""
    rules = forecasts.EvidenceRules(judging, policy.features, LEAD_SEGMENTS)
    with env.lake.staging() as folder, env.engine.session(folder) as session:
        step = Step(env, RULE_EVIDENCE, day, session, folder)
        forecasts.produce_evidence(step, rules)
        return session.query("select * from staged").to_pylist(), session.query(_sql("rankings"))


def _bands(found: Sequence[list[Result]]) -> list[Result]:
    """Return the evidence of each band of the score, each action and each segment under both policies."""
    shown = ("leads", "conversions", "rate", "rate_low", "rate_high", "verdict")
    before, after = (
        {(row["rule_kind"], row["rule"]): {name: row[name] for name in shown} for row in rows} for rows in found
    )
    keys = sorted((key for key in {*before, *after} if key[0] in JUDGED), key=_place)
    return [
        {"rule_kind": kind, "rule": rule, "before": before.get((kind, rule)), "after": after.get((kind, rule))}
        for kind, rule in keys
    ]


def _place(key: tuple[str, str]) -> tuple[int, float, str]:
    """Return the place of a rule: bands first, from the lowest."""
    first = key[1].split()[0]
    return JUDGED.index(key[0]), float(first) if first.isdecimal() else 0.0, key[1]


def _ranking(name: str, before: pa.Table, after: pa.Table, policy: ForecastPolicy) -> Result:
    """Return AUC and lift of a number under both policies, and whether the difference is more than chance.

    Leads are drawn, not rows, and both policies get the same draws. Of very many rows every nth lead is looked at.
    """
    joined = before.join(after, ["date", "lead_id"], join_type="inner", right_suffix="_after").sort_by(
        [("date", "ascending"), ("lead_id", "ascending")]
    )
    leads = numbered(joined.column("lead_id").to_numpy(zero_copy_only=False))
    every = 1 + joined.num_rows // policy.maximum_rows
    if every > 1:
        kept = leads % every == 0
        joined, leads = joined.filter(pa.array(kept)), leads[kept] // every
    labels = np.asarray(joined.column("is_converted").cast(pa.int8()).to_numpy(), dtype=np.float64)
    conversions = distinct(leads, labels)
    result: Result = {"ranking": name, "rows": int(labels.size), "conversions": conversions}
    if conversions < policy.gate_conversions:
        return {**result, "auc": None, "lift": None}
    judged = [
        Judged(np.asarray(joined.column(column).to_numpy(), dtype=np.float64), labels, 0.0, 1, policy.lift_share)
        for column in (name, f"{name}_after")
    ]
    weights = list(draws(leads, policy.bootstrap_draws, policy.seed))
    for measure in MEASURES:
        drawn = [np.concatenate([getattr(one, measure)(lines) for lines in weights]) for one in judged]
        whole = [float(getattr(one, measure)(np.ones(labels.size))) for one in judged]
        difference = _interval(whole[1] - whole[0], drawn[1] - drawn[0], policy)
        result[measure] = {
            "before": _interval(whole[0], drawn[0], policy),
            "after": _interval(whole[1], drawn[1], policy),
            "difference": difference,
            "verdict": "better" if difference["low"] > 0 else "worse" if difference["high"] < 0 else "not clear",
        }
    return result


def _interval(value: float, drawn: Floats, policy: ForecastPolicy) -> dict[str, float]:
    tail = (1 - policy.confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return {"value": value, "low": float(low), "high": float(high)}


# -- what is shown -----------------------------------------------------------------------------------------------------


def sections(result: Result, words: Words) -> list[Section]:
    """Return the comparison for people: what changes, and what the past weeks say of both policies."""
    totals = {name: words.cell(number) for name, number in result["totals"].items()}
    differing = ", ".join(result["sections_that_differ"])
    changes: list[Part] = [
        words("compare.changes", **totals),
        words("compare.differ", sections=differing) if differing else words("compare.no_difference"),
    ]
    if result["sections_not_compared"]:
        changes.append(words("compare.not_compared", sections=", ".join(result["sections_not_compared"])))
    by_segment = [
        [row[name] for name in ("segment", "leads_before", "leads_after", "entering", "leaving")]
        for row in result["segments"]
    ]
    by_action = [[row["action"], row["leads_before"], row["leads_after"]] for row in result["actions"]]
    made = [
        Section(words("compare.title.changes", day=result["day"]), changes),
        Section(
            words("compare.title.segments"),
            [Grid(words.titles("segment", "leads_now", "leads_new", "enter", "leave"), by_segment)],
        ),
        Section(words("compare.title.actions"), [Grid(words.titles("action", "leads_now", "leads_new"), by_action)]),
    ]
    if not result["evidence_days"]:
        return [*made, Section(words("compare.title.no_evidence"), [words("compare.no_evidence")])]
    first, last = result["evidence_days"][0], result["evidence_days"][-1]
    days = words("compare.evidence", days=len(result["evidence_days"]), first=first, last=last)
    return [
        *made,
        Section(words("compare.title.rankings"), [days, _rankings(result, words)]),
        Section(words("compare.title.rules"), [_band_grid(result, words)]),
    ]


def _rankings(result: Result, words: Words) -> Grid:
    rows: list[list[object]] = []
    for row in result["rankings"]:
        for measure in MEASURES:
            name = f"{words('compare.ranking.' + row['ranking'])}: {words('compare.measure.' + measure)}"
            if row[measure]:
                verdict = words("compare.verdict." + row[measure]["verdict"].replace(" ", "_"))
                found = [_shown(row[measure][when], words) for when in ("before", "after", "difference")]
                rows.append([name, verdict, *found])
            else:
                few = words("compare.too_few", conversions=row["conversions"])
                rows.append([name, few, None, None, None])
    return Grid(words.titles("", "verdict", "now", "new", "difference"), rows)


def _band_grid(result: Result, words: Words) -> Grid:
    rows = [
        [_rule(row, words), *(cell for when in ("before", "after") for cell in _rate(row[when], words))]
        for row in result["bands"]
    ]
    return Grid(words.titles("", "leads_now", "converted", "leads_new", "converted"), rows)


def _rule(row: Result, words: Words) -> str:
    """Return a rule in words, such as `score 10 to 20` or `segment at_risk`."""
    rule = row["rule"]
    if row["rule_kind"] == "score_band":
        first, last = rule.split(" to ")
        rule = words("compare.band", first=first, last=last)
    return f"{words('compare.kind.' + row['rule_kind'])} {rule}"


def _rate(found: Result | None, words: Words) -> list[object]:
    if found is None:
        return [0, None]
    value, low, high = (words.writing.percent(100 * found[name]) for name in ("rate", "rate_low", "rate_high"))
    return [found["leads"], words("compare.interval", value=value, low=low, high=high)]


def _shown(found: dict[str, float], words: Words) -> str:
    value, low, high = (words.writing.decimal(found[name], "0.000") for name in ("value", "low", "high"))
    return words("compare.interval", value=value, low=low, high=high)


def _write(path: Path, text: str) -> str:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; name another folder with --output") from error
    return str(path)

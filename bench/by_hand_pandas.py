"""Computes features and outputs of one day in pandas, as a data engineer would write them by hand.

    python -m bench.by_hand_pandas LAKE DAY FOLDER

It reads the raw tables of the lake and writes <table>.parquet below the folder, with the numbers of the shipped policy.
It has no contracts, checks or reports, supports only UTC, and expects each delivery to have one lead and one type.
Work on tens of rows (naming channels, anomaly tests, Wilson bounds) is left to the product's pure functions.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from acquisition_assets.anomalies.contract import ANOMALIES
from acquisition_assets.anomalies.detect import Evidence, detect
from acquisition_assets.channels.classify import ANSWERS
from acquisition_assets.policy import Policy, read_policy
from acquisition_assets.social_performance.contract import SOCIAL_PERFORMANCE
from acquisition_assets.social_performance.rates import performance
from bench.channels import FIELDS, channel_rows

CHANNEL = list(FIELDS)
METRICS_DAYS = 90


def compute(lake: Path, day: dt.date, folder: Path) -> None:
    """Compute the tables of a day from the raw tables of the lake, and write them below the folder."""
    policy = read_policy(None)
    end = pd.Timestamp(day, tz="UTC") + pd.Timedelta(days=1)
    leads, referrals, content, changes = (
        pd.read_parquet(lake / f"raw_{table}" / f"date={day}" / "data.parquet")
        for table in ("leads", "referrals", "content", "status_changes")
    )
    days = [path for path in sorted((lake / "raw_events").glob("date=*")) if path.name[5:] <= day.isoformat()]
    events = pd.concat([pd.read_parquet(path / "data.parquet") for path in days], ignore_index=True)
    events["is_human"] = events["event_type"].isin(["opened", "clicked", "completed"]) & ~events["is_machine"]
    deliveries = make_deliveries(events)
    state = pd.read_parquet(lake / "source_state" / f"date={day}" / "data.parquet")
    activity = make_activity(leads, events, deliveries, referrals, changes, end, state["newest_at"][0], policy)
    metrics = make_metrics(leads, deliveries, referrals, day)
    scores = make_scores(activity, _newest_scores(lake, day), end)
    predictions = make_predictions(activity, scores)
    segments = make_segments(activity, scores)
    known = deliveries[deliveries["lead_id"].isin(leads["lead_id"])]
    recent = (
        known[known["sent_at"] >= end - pd.Timedelta(days=7)].groupby("lead_id")["opened_at"].agg(["size", "count"])
    )
    first_sent = events.loc[events["event_type"] == "sent", "occurred_at"].min()
    evidence = Evidence(
        metrics,
        leads["created_date"].min() if len(leads) else None,
        None if pd.isna(first_sent) else first_sent.date(),
        int(((recent["size"] >= 10) & (recent["count"] == 0)).sum()),
    )
    anomalies = detect(evidence, day, policy.anomalies, policy.locale)
    tables = {
        "lead_activity": activity,
        "daily_metrics": metrics,
        "dynamic_scores": scores,
        "behavior_predictions": predictions,
        "content_recommendations": make_recommendations(activity, scores, events, content, policy),
        "lead_segments": segments,
        "segment_changes": make_changes(segments, _newest_segments(lake, day)),
    }
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False, compression="zstd")
    _write(ANOMALIES.to_arrow(anomalies), folder / "anomalies.parquet")
    social = performance(count_channels(activity, scores, end), policy.social_performance)
    _write(SOCIAL_PERFORMANCE.to_arrow(social), folder / "social_performance.parquet")


def make_deliveries(events: pd.DataFrame) -> pd.DataFrame:
    """Return one row per delivery, with its first times."""
    at = events["occurred_at"]
    times = pd.DataFrame(
        {
            "delivery_id": events["delivery_id"].fillna(events["derived_delivery_id"]),
            "lead_id": events["lead_id"],
            "content_type": events["content_type"],
            "first_event_at": at,
            "sent_at": at.where(events["event_type"] == "sent"),
            "opened_at": at.where(events["is_human"]),
            "completed_at": at.where(events["is_human"] & (events["event_type"] == "completed")),
        }
    )
    deliveries = times.groupby(["delivery_id", "lead_id", "content_type"], sort=False).min().reset_index()
    response = deliveries["opened_at"] - deliveries["sent_at"]
    deliveries["response_hours"] = (response / pd.Timedelta(hours=1)).where(response >= pd.Timedelta(0))
    return deliveries


def make_activity(
    leads: pd.DataFrame,
    events: pd.DataFrame,
    deliveries: pd.DataFrame,
    referrals: pd.DataFrame,
    changes: pd.DataFrame,
    end: pd.Timestamp,
    newest: pd.Timestamp,
    policy: Policy,
) -> pd.DataFrame:
    """Return one row per lead."""
    since = end - pd.Timedelta(days=365)
    week, month = end - pd.Timedelta(days=7), end - pd.Timedelta(days=30)
    ours = deliveries[deliveries["sent_at"].fillna(deliveries["first_event_at"]) >= since]
    by_lead = ours.assign(
        deliveries_7d=ours["sent_at"] >= week,
        deliveries_30d=ours["sent_at"] >= month,
        opens_7d=ours["opened_at"] >= week,
        completions_7d=ours["completed_at"] >= week,
        consumed_30d=ours["opened_at"] >= month,
    ).groupby("lead_id")
    facts = by_lead.agg(
        deliveries_total=("sent_at", "count"),
        deliveries_7d=("deliveries_7d", "sum"),
        deliveries_30d=("deliveries_30d", "sum"),
        opens_total=("opened_at", "count"),
        opens_7d=("opens_7d", "sum"),
        completions_total=("completed_at", "count"),
        completions_7d=("completions_7d", "sum"),
        consumed_30d=("consumed_30d", "sum"),
        avg_response_hours=("response_hours", "mean"),
    )
    latest = ours[ours["opened_at"].notna()].sort_values(["opened_at", "delivery_id"]).groupby("lead_id").tail(1)
    completed = ours.loc[ours["completed_at"].notna(), ["lead_id", "content_type"]].drop_duplicates()
    types = completed.sort_values("content_type").groupby("lead_id")["content_type"].agg(list)
    counted = events[events["occurred_at"] >= since]
    human = counted[counted["is_human"]]
    touched = human.assign(business=human["local_hour"].between(9, 17), weekday=human["local_weekday"] <= 5).groupby(
        "lead_id"
    )
    engaged = touched.agg(
        last_engaged_at=("occurred_at", "max"),
        business_hours_share=("business", "mean"),
        weekday_share=("weekday", "mean"),
    )
    valid = (referrals["status"] == "validated") & ~(referrals["validated_at"] >= end)
    referred = referrals.assign(valid=valid, made=referrals["status"].isin(["pending", "validated"])).groupby(
        "referrer_lead_id"
    )
    gone, complained = (
        leads["lead_id"].isin(events.loc[events["event_type"] == kind, "lead_id"])
        for kind in ("unsubscribed", "complained")
    )
    bounced_at = leads["lead_id"].map(events[events["event_type"] == "bounced"].groupby("lead_id")["occurred_at"].max())
    alive_at = leads["lead_id"].map(events[events["is_human"]].groupby("lead_id")["occurred_at"].max())
    fields = leads[CHANNEL].drop_duplicates()
    named = channel_rows(pa.Table.from_pandas(fields, preserve_index=False), policy).to_pandas()
    channels = leads[CHANNEL].fillna("").merge(named.fillna(dict.fromkeys(CHANNEL, "")), on=CHANNEL, how="left")

    result = leads[["lead_id", "email", "source", "interest_area", "created_at"]].copy()
    for place, name in enumerate(ANSWERS, start=3):
        result.insert(place, name, channels[name])
    result["status"], result["status_is_dated"] = _status(leads, changes, end, newest)
    result["base_score"] = leads["engagement_score"]
    result["is_unsubscribed"] = (leads["merged_unsubscribed_at"] < end).fillna(False) | gone
    result["is_bounced"] = bounced_at.notna() & ~(alive_at > bounced_at).fillna(False)
    result["has_complained"] = complained
    has_address = leads["email"].str.strip().str.fullmatch(r"[^@\s]+@[^@\s]+[.][^@\s]+").fillna(False).astype(bool)
    left = result["is_unsubscribed"] | result["is_bounced"] | complained
    result["may_be_mailed"] = (has_address | leads["email"].isna().all()) & ~left
    result["age_days"] = (end - result["created_at"]) // pd.Timedelta(days=1)
    for name in facts.columns[:-1]:
        result[name] = result["lead_id"].map(facts[name]).fillna(0).astype("int64")
    share = result["completions_total"] / result["deliveries_total"].where(result["deliveries_total"] > 0)
    result["completion_rate"] = share.clip(upper=1)
    result["avg_response_hours"] = result["lead_id"].map(facts["avg_response_hours"])
    result["latest_response_hours"] = result["lead_id"].map(latest.set_index("lead_id")["response_hours"])
    for name in ("business_hours_share", "weekday_share"):
        result[name] = result["lead_id"].map(engaged[name])
    sent = counted[counted["event_type"] == "sent"].groupby("lead_id")["occurred_at"].max()
    result["last_sent_at"] = result["lead_id"].map(sent)
    result["last_engaged_at"] = result["lead_id"].map(engaged["last_engaged_at"])
    idle = end - result["last_engaged_at"]
    result["days_since_engagement"] = np.floor(idle / pd.Timedelta(days=1)).astype("Int64")
    idle = end - result["last_engaged_at"].fillna(result["created_at"])
    result["days_inactive"] = idle // pd.Timedelta(days=1)
    consumed = result["lead_id"].map(types)
    result["consumed_content_types"] = [found if isinstance(found, list) else [] for found in consumed]
    for name, column in (("referrals_generated", "made"), ("referrals_validated", "valid")):
        result[name] = result["lead_id"].map(referred[column].sum()).fillna(0).astype("int64")
    return result


def _status(
    leads: pd.DataFrame, changes: pd.DataFrame, end: pd.Timestamp, newest: pd.Timestamp
) -> tuple[pd.Series, pd.Series]:
    """Return the status of each lead as of the end of the day, and whether it is dated."""
    last = changes.sort_values(["changed_at", "read_order"]).groupby("lead_id")["status"].last()
    source = leads["status"]
    is_converted = (source == "converted") & ~(leads["converted_at"] >= end)
    is_engaged = (source == "engaged") & ~(leads["engaged_at"] >= end)
    was_engaged = (source == "converted") & (leads["engaged_at"] < end)
    own = np.select(
        [source.isin(["new", "nurturing", "inactive"]), is_converted, is_engaged | was_engaged],
        [source.astype(object), "converted", "engaged"],
        "nurturing",
    )
    is_changed = leads["lead_id"].isin(last.index)
    status = leads["lead_id"].map(last).astype(object).where(is_changed, own)
    since = leads["converted_at"].where(source == "converted", leads["engaged_at"].where(source == "engaged"))
    is_new_enough = newest < end + pd.Timedelta(hours=36)
    is_dated = is_changed | (since < end).fillna(False) | (since.isna() & is_new_enough) | was_engaged.fillna(False)
    return status, is_dated.astype(bool)


def make_metrics(leads: pd.DataFrame, deliveries: pd.DataFrame, referrals: pd.DataFrame, day: dt.date) -> pd.DataFrame:
    """Return one row per day of the last 90."""
    days = [day - dt.timedelta(days=n) for n in reversed(range(METRICS_DAYS))]
    ours = deliveries[deliveries["lead_id"].isin(leads["lead_id"])]
    sent = ours["sent_at"].dt.date
    counts = {
        "new_leads": leads["created_date"],
        "deliveries_sent": sent,
        "opened_24h": sent[ours["response_hours"] < 24],
        "completions": ours["completed_at"].dt.date,
        "referrals_created": referrals["created_date"],
        "referrals_fraud": referrals.loc[referrals["status"] == "fraud", "created_date"],
        "leads_engaged": leads["engaged_date"],
        "leads_converted": leads["converted_date"],
    }
    columns = {name: dates.value_counts().reindex(days, fill_value=0).to_numpy() for name, dates in counts.items()}
    return pd.DataFrame({"day": days, **columns})


def make_scores(activity: pd.DataFrame, before: pd.Series, end: pd.Timestamp) -> pd.DataFrame:
    """Return one row per lead: its score, point by point."""
    latest, status = activity["latest_response_hours"], activity["status"]
    rate = activity["consumed_30d"] / activity["age_days"].clip(1, 30)
    scores = pd.DataFrame({"lead_id": activity["lead_id"], "base_score": _rounded(activity["base_score"])})
    scores["recent_activity_points"] = 2.0 * activity["completions_7d"] + 0.5 * activity["opens_7d"]
    scores["response_points"] = np.select([latest < 2, latest < 24], [3.0, 1.0], 0.0)
    scores["referral_points"] = 5.0 * activity["referrals_generated"]
    scores["consistency_points"] = np.where((activity["consumed_30d"] >= 3) & (rate > 0.2), 2.0, 0.0)
    scores["decay_points"] = -0.5 * (activity["days_inactive"] - 14).clip(lower=0)
    scores["status_points"] = np.select([status == "engaged", status == "nurturing"], [10.0, 2.0], 0.0)
    earned = scores[["recent_activity_points", "response_points", "referral_points", "consistency_points"]].sum(axis=1)
    total = (activity["base_score"] + earned + scores["decay_points"]).clip(lower=0) + scores["status_points"]
    computed = _rounded(total.clip(0, 100))
    parts = scores[["base_score", "decay_points", "status_points"]].sum(axis=1) + earned
    scores["clamp_adjustment"] = _rounded(computed - parts)
    scores["computed_score"] = computed
    known = activity["lead_id"].map(before)
    scores["previous_score"] = _rounded(known.fillna(activity["base_score"].clip(0, 100)))
    month = end - pd.Timedelta(days=30)
    is_active = (activity["last_sent_at"] >= month) | (activity["last_engaged_at"] >= month)
    scores["is_analysed"] = (activity["created_at"] >= end - pd.Timedelta(days=90)) & (
        is_active | activity["last_sent_at"].isna()
    )
    least = np.minimum(scores["previous_score"], computed)
    candidate = computed.where(scores["is_analysed"], least)
    scores["is_updated"] = (candidate - scores["previous_score"]).abs().round(6) > 1
    scores["score"] = candidate.where(scores["is_updated"], scores["previous_score"])
    return scores


def make_predictions(activity: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row per lead that is still open."""
    rows = activity.assign(engagement_score=scores["score"])
    rows = rows[~rows["status"].isin(["converted", "inactive"])]
    response, since = rows["avg_response_hours"], rows["days_since_engagement"].astype("Float64")
    engagement = 40 * (rows["engagement_score"] / 8).clip(upper=1)
    completion = (30 * rows["completion_rate"]).fillna(0)
    found = rows[
        ["lead_id", "status", "engagement_score", "completion_rate", "avg_response_hours", "business_hours_share"]
    ].copy()
    found["engagement_points"] = _rounded(engagement)
    found["completion_points"] = _rounded(completion)
    found["response_points"] = np.select([response < 2, response < 24], [15.0, 10.0], 0.0)
    found["business_hours_points"] = np.where(rows["business_hours_share"] > 0.6, 10.0, 0.0)
    found["weekday_points"] = np.where(rows["weekday_share"] > 0.7, 5.0, 0.0)
    recent, week = (since < 3).fillna(False).astype(bool), (since < 7).fillna(False).astype(bool)
    found["recency_points"] = np.select([recent, week], [10.0, 5.0], 0.0)
    others = found[["response_points", "business_hours_points", "weekday_points", "recency_points"]].sum(axis=1)
    probability = _rounded((engagement + completion + others).clip(upper=95))
    found["conversion_probability"] = probability
    found["predicted_next_action"] = np.select(
        [probability > 70, probability >= 50, probability >= 30],
        ["likely_to_convert", "needs_nurturing", "needs_engagement"],
        "needs_re_engagement",
    )
    return found


def make_recommendations(
    activity: pd.DataFrame, scores: pd.DataFrame, events: pd.DataFrame, content: pd.DataFrame, policy: Policy
) -> pd.DataFrame:
    """Return one row per lead and recommended item."""
    score, types = scores["score"], activity["consumed_content_types"]
    blog, guide, video = (
        pd.Series([kind in found for found in types], index=types.index) for kind in ("blog", "guide", "video")
    )
    completions = activity["completions_total"]
    rules = {
        "interest_marketing": activity["interest_area"] == "marketing",
        "interest_sales": activity["interest_area"] == "sales",
        "complement_guides": blog & ~guide,
        "complement_videos": (completions >= 3) & ~video,
        "high_engagement": score >= 8,
        "near_conversion": (activity["status"] == "nurturing") & (score >= 7),
        "premium": completions >= 5,
    }
    left = activity["is_unsubscribed"] | activity["is_bounced"] | activity["has_complained"]
    is_eligible = activity["status"].isin(["new", "nurturing", "engaged"]) & ~left
    parts = []
    for place, (rule, holds) in enumerate(rules.items()):
        item = policy.content_recommendations.document_items[rule]
        same = content[(content["content_type"] == item.content_type) & (content["title"] == item.title)]["content_id"]
        parts.append(
            pd.DataFrame(
                {
                    "lead_id": activity.loc[is_eligible & holds.fillna(False).astype(bool), "lead_id"],
                    "place": place,
                    "rule": rule,
                    "content_type": item.content_type,
                    "title": item.title,
                    "reason": item.reason,
                    "content_id": same.min() if len(same) else item.content_id,
                }
            )
        )
    items = pd.concat(parts, ignore_index=True)
    completed = events.loc[
        events["is_human"] & (events["event_type"] == "completed") & events["content_id"].isin(items["content_id"]),
        ["lead_id", "content_id"],
    ].drop_duplicates()
    items = items.merge(completed, on=["lead_id", "content_id"], how="left", indicator=True)
    items = items[items["_merge"] == "left_only"].sort_values(["lead_id", "place"])
    items["rank"] = items.groupby("lead_id").cumcount() + 1
    columns = ["lead_id", "rank", "rule", "content_type", "title", "reason", "content_id"]
    return items.loc[items["rank"] <= 5, columns]


def make_segments(activity: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row per segment and lead."""
    score, is_nurturing = scores["score"], activity["status"] == "nurturing"
    criteria = {
        "high_value_prospects": (score >= 10) & is_nurturing,
        "quick_responders": activity["avg_response_hours"] < 2,
        "content_consumers": activity["completions_total"] >= 3,
        "referral_champions": activity["referrals_validated"] >= 2,
        "at_risk": is_nurturing & (score < 3) & (activity["age_days"] >= 30),
        "ready_to_convert": (score >= 8) & is_nurturing & (activity["completions_total"] >= 5),
    }
    parts = [pd.DataFrame({"segment": n, "lead_id": activity.loc[holds, "lead_id"]}) for n, holds in criteria.items()]
    return pd.concat(parts, ignore_index=True)


def make_changes(segments: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    """Return one row per segment and lead that entered or left."""
    if before is None:
        return pd.DataFrame({name: pd.Series(dtype="str") for name in ("segment", "lead_id", "change")})
    both = segments.merge(before[["segment", "lead_id"]], how="outer", indicator=True)
    both["change"] = both.pop("_merge").map({"left_only": "entered", "right_only": "left"}).astype("str")
    return both[both["change"].isin(["entered", "left"])]


def count_channels(activity: pd.DataFrame, scores: pd.DataFrame, end: pd.Timestamp) -> pd.DataFrame:
    """Return one row of counts per channel."""
    rows = activity.assign(score=scores["score"])[activity["created_at"] >= end - pd.Timedelta(days=30)]
    rows = rows.assign(
        is_social=rows["platform"].notna(),
        is_engaged=rows["status"].isin(["engaged", "converted"]),
        has_referral=rows["referrals_generated"] > 0,
    )
    counts = rows.groupby(["channel", "is_social"]).agg(
        total_leads=("lead_id", "size"),
        engaged_leads=("is_engaged", "sum"),
        score_sum=("score", "sum"),
        referrals_generated=("referrals_generated", "sum"),
        leads_with_referral=("has_referral", "sum"),
    )
    return counts.assign(score_sum=_rounded(counts["score_sum"])).reset_index()


def _rounded(values: pd.Series) -> pd.Series:
    """Round half up, away from zero, the decimal number that the double shows."""
    scaled = (values.abs() * 100).round(6)
    return np.sign(values) * np.floor(scaled + 0.5) / 100


def _newest_scores(lake: Path, day: dt.date) -> pd.Series:
    found = pd.Series(dtype="float64")
    for path in _earlier(lake, "dynamic_scores", day):
        scores = pd.read_parquet(path, columns=["lead_id", "score"]).set_index("lead_id")["score"]
        found = found.combine_first(scores) if len(found) else scores
    return found


def _newest_segments(lake: Path, day: dt.date) -> pd.DataFrame | None:
    return next((pd.read_parquet(path) for path in _earlier(lake, "lead_segments", day)), None)


def _earlier(lake: Path, table: str, day: dt.date) -> list[Path]:
    """Return the partitions of the seven days before, newest first."""
    paths = [lake / table / f"date={day - dt.timedelta(days=n)}" / "data.parquet" for n in range(1, 8)]
    return [path for path in paths if path.exists()]


def _write(table: pa.Table, path: Path) -> None:
    table.to_pandas(types_mapper=pd.ArrowDtype).to_parquet(path, index=False)


if __name__ == "__main__":
    compute(Path(sys.argv[1]), dt.date.fromisoformat(sys.argv[2]), Path(sys.argv[3]))

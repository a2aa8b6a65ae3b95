"""Protects the sample world: it is sound, has the promised shape, and contains the planted anomalies.

The anomaly rules are computed a second time here, from the raw events.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import binomtest, norm

from acquisition_assets.sources.sample import FIRST_DAY, LAST_DAY, world

COLUMNS = {
    "leads": (
        "lead_id email source utm_source utm_medium utm_campaign referrer_url interest_area status engagement_score "
        "referrer_lead_id created_at engaged_at converted_at unsubscribed_at"
    ),
    "events": "event_id lead_id delivery_id event_type content_id content_type occurred_at is_machine",
    "referrals": "referral_id referrer_lead_id referred_email status created_at validated_at",
    "content": "content_id content_type title url interest_area published_at",
    "status_changes": "lead_id status changed_at",
    "spend": "day channel amount currency",
}
NAMED_ITEMS = {
    ("guide", "Guía Avanzada de Marketing Digital"),
    ("video", "Técnicas Avanzadas de Ventas"),
    ("guide", "Guía Completa del Tema"),
    ("video", "Video Tutorial Exclusivo"),
    ("case_study", "Casos de Éxito Avanzados"),
    ("webinar", "Webinar Exclusivo: Próximos Pasos"),
    ("ebook", "Ebook Premium: Estrategias Avanzadas"),
}
HUMAN = ("opened", "clicked", "completed")
END = pd.Timestamp(LAST_DAY, tz="UTC") + pd.Timedelta(days=1)
QUIET_DAY = LAST_DAY - dt.timedelta(days=10)

Frames = dict[str, pd.DataFrame]


def frames_of(leads: int, **seed: int) -> Frames:
    return {name: table.to_pandas() for name, table in world(leads, **seed).items()}


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return world()


@pytest.fixture(scope="module")
def frames(tables: dict[str, pa.Table]) -> Frames:
    return {name: table.to_pandas() for name, table in tables.items()}


@pytest.fixture(scope="module", params=[(2_000, 20260930), (2_000, 1), (5_000, 20260930)], ids=str)
def any_frames(request: pytest.FixtureRequest) -> Frames:
    leads, seed = request.param
    return frames_of(leads, seed=seed)


def deliveries_of(events: pd.DataFrame) -> pd.DataFrame:
    """lead_id, sent_at and opened_at (first human event) per delivery."""
    sent: pd.DataFrame = events[events["event_type"] == "sent"].set_index("delivery_id")
    human = events[events["event_type"].isin(HUMAN) & ~events["is_machine"]]
    opened = human.groupby("delivery_id")["occurred_at"].min()
    return sent[["lead_id", "occurred_at"]].rename(columns={"occurred_at": "sent_at"}).assign(opened_at=opened)


# ------------------------------------------------------------------------------------------------------ soundness


def test_same_arguments_give_the_same_tables_and_another_seed_does_not() -> None:
    first, second, other = world(300), world(300), world(300, seed=7)
    assert all(first[name].equals(second[name]) for name in COLUMNS)
    assert not any(first[name].equals(other[name]) for name in COLUMNS if name not in ("content", "spend"))


def test_tables_have_the_columns_in_order_and_utc_timestamps(tables: dict[str, pa.Table]) -> None:
    assert {name: " ".join(table.column_names) for name, table in tables.items()} == COLUMNS
    for table in tables.values():
        for field in table.schema:
            if field.name.endswith("_at"):
                assert field.type == pa.timestamp("us", tz="UTC")
            elif field.name not in ("engagement_score", "is_machine", "day", "amount"):
                assert field.type == pa.string()


@pytest.mark.parametrize("leads", [1, 2, 25])
def test_tiny_worlds_are_whole(leads: int) -> None:
    made = world(leads)
    assert made["leads"].num_rows == leads
    assert set(made) == set(COLUMNS)


def test_a_world_without_leads_is_refused() -> None:
    with pytest.raises(ValueError, match="leads must be 1 or more, not 0"):
        world(0)


def test_ids_are_unique_and_references_hold(frames: Frames) -> None:
    leads, events, referrals = frames["leads"], frames["events"], frames["referrals"]
    for name, key in (("leads", "lead_id"), ("events", "event_id"), ("referrals", "referral_id")):
        assert frames[name][key].notna().all()
        assert frames[name][key].is_unique
    assert frames["content"]["content_id"].is_unique
    created = leads.set_index("lead_id")["created_at"]
    assert (events["lead_id"].map(created) < events["occurred_at"]).all()
    assert (referrals["referrer_lead_id"].map(created) < referrals["created_at"]).all()
    assert (frames["status_changes"]["lead_id"].map(created) <= frames["status_changes"]["changed_at"]).all()
    referred = leads.dropna(subset="referrer_lead_id")
    assert (referred["referrer_lead_id"].map(created) < referred["created_at"]).all()
    types = frames["content"].set_index("content_id")["content_type"]
    assert (events["content_id"].map(types) == events["content_type"]).all()
    published = frames["content"].set_index("content_id")["published_at"]
    assert (events["content_id"].map(published) < events["occurred_at"]).all()


def test_nothing_happens_outside_the_period(frames: Frames) -> None:
    start = pd.Timestamp(FIRST_DAY, tz="UTC")
    for name in ("leads", "events", "referrals", "status_changes"):
        for column in frames[name].columns[frames[name].columns.str.endswith("_at")]:
            assert frames[name][column].dropna().between(start, END, inclusive="left").all(), (name, column)


def test_words_are_the_known_ones_and_required_values_are_there(frames: Frames) -> None:
    leads, events, referrals = frames["leads"], frames["events"], frames["referrals"]
    assert set(leads["status"]) == {"new", "nurturing", "engaged", "converted", "inactive"}
    assert set(events["event_type"]) == {"sent", "bounced", "complained", "unsubscribed", *HUMAN}
    assert set(referrals["status"]) == {"pending", "validated", "fraud", "rejected"}
    assert leads["engagement_score"].between(0, 20).all()
    assert not leads[["status", "created_at", "email"]].isna().any(axis=None)
    assert not events.isna().any(axis=None)
    assert not referrals.drop(columns="validated_at").isna().any(axis=None)
    assert (referrals["validated_at"].notna() == (referrals["status"] == "validated")).all()


def test_no_address_can_belong_to_anybody(frames: Frames) -> None:
    addresses = pd.concat([frames["leads"]["email"], frames["referrals"]["referred_email"]])
    assert addresses.str.fullmatch(r"(lead|invitado)-\d{6}@example\.(com|net)").all()


def test_a_delivery_is_one_item_to_one_lead_and_its_events_follow_the_sending(frames: Frames) -> None:
    events = frames["events"]
    per_delivery = events.groupby("delivery_id")
    assert per_delivery[["lead_id", "content_id"]].nunique().eq(1).all(axis=None)
    sent = events[events["event_type"] == "sent"]
    assert sent["delivery_id"].is_unique
    assert (events["delivery_id"].map(sent.set_index("delivery_id")["occurred_at"]) <= events["occurred_at"]).all()
    bounced = set(events.loc[events["event_type"] == "bounced", "delivery_id"])
    assert set(events.loc[events["delivery_id"].isin(bounced), "event_type"]) == {"sent", "bounced"}
    completed = set(events.loc[events["event_type"] == "completed", "delivery_id"])
    assert completed <= set(events.loc[events["event_type"] == "clicked", "delivery_id"])


def test_status_changes_lead_to_the_status_and_times_of_the_lead(frames: Frames) -> None:
    leads, changes = frames["leads"].set_index("lead_id"), frames["status_changes"]
    assert changes.groupby("lead_id")["status"].last().reindex(leads.index).equals(leads["status"])
    reached = changes.pivot(index="lead_id", columns="status", values="changed_at").reindex(leads.index)
    for status, column in (("new", "created_at"), ("engaged", "engaged_at"), ("converted", "converted_at")):
        pd.testing.assert_series_equal(reached[status], leads[column], check_names=False)
    path = ["new", "nurturing", "engaged", "converted"]
    for before, after in itertools.pairwise(path):
        got_there = reached[after].notna()
        assert (reached.loc[got_there, before] < reached.loc[got_there, after]).all()
    assert not (reached["converted"].notna() & reached["inactive"].notna()).any()


def test_e_mails_end_with_the_unsubscription(frames: Frames) -> None:
    events, unsubscribed = frames["events"], frames["leads"].set_index("lead_id")["unsubscribed_at"].dropna()
    after = events["occurred_at"] > events["lead_id"].map(unsubscribed)
    assert len(unsubscribed) > 50
    assert not after.any()
    told = events[events["event_type"] == "unsubscribed"].set_index("lead_id")["occurred_at"]
    pd.testing.assert_series_equal(told.sort_index(), unsubscribed.sort_index(), check_names=False)


# ---------------------------------------------------------------------------------------------------------- shape


def test_the_default_world_has_about_25_events_and_14_deliveries_per_lead(frames: Frames) -> None:
    leads = frames["leads"]
    assert len(leads) == 5_000
    assert 22 <= len(frames["events"]) / len(leads) <= 28
    deliveries = deliveries_of(frames["events"])["lead_id"].value_counts()
    grown_up = leads.loc[leads["created_at"] < END - pd.Timedelta(days=42), "lead_id"]
    assert 12 <= deliveries.reindex(grown_up, fill_value=0).median() <= 25
    assert deliveries.index.nunique() > 0.99 * len(leads)


def test_rows_grow_in_proportion_to_the_leads(frames: Frames) -> None:
    small = frames_of(1_000)
    for name in ("events", "referrals", "status_changes"):
        assert len(frames[name]) / len(small[name]) == pytest.approx(5, rel=0.1)


def test_leads_arrive_in_a_weekly_rhythm_with_mild_growth(frames: Frames) -> None:
    usual = frames["leads"].loc[lambda leads: leads["created_at"] < END - pd.Timedelta(days=3), "created_at"]
    per_day = usual.dt.floor("D").value_counts().sort_index()
    assert len(per_day) == 117
    weekend = per_day.index.day_of_week >= 5
    assert per_day[weekend].mean() / per_day[~weekend].mean() == pytest.approx(0.55, abs=0.04)
    assert 1.1 < per_day.iloc[-28:].mean() / per_day.iloc[:28].mean() < 1.5


def test_e_mails_are_sent_on_weekdays_and_read_by_day(frames: Frames) -> None:
    events = frames["events"]
    sent = events.loc[events["event_type"] == "sent", "occurred_at"]
    assert (sent.dt.day_of_week < 5).mean() > 0.95
    human = events.loc[events["event_type"].isin(HUMAN) & ~events["is_machine"], "occurred_at"]
    assert human.dt.hour.between(9, 17).mean() > 0.6
    assert human.dt.hour.between(1, 5).mean() < 0.01


def test_machine_opens_follow_within_a_minute_for_about_15_percent_of_the_leads(frames: Frames) -> None:
    events = frames["events"]
    machine = events[events["is_machine"] & (events["event_type"] == "opened")]
    sent = events[events["event_type"] == "sent"].set_index("delivery_id")["occurred_at"]
    delay = machine["occurred_at"] - machine["delivery_id"].map(sent)
    assert delay.max() < pd.Timedelta(minutes=1)
    assert machine["lead_id"].nunique() / len(frames["leads"]) == pytest.approx(0.15, abs=0.02)


def test_better_leads_respond_more_and_sooner(frames: Frames) -> None:
    leads = frames["leads"].set_index("lead_id")
    deliveries = deliveries_of(frames["events"])
    deliveries["hours"] = (deliveries["opened_at"] - deliveries["sent_at"]).dt.total_seconds() / 3600
    score = deliveries["lead_id"].map(leads["engagement_score"])
    best, rest = score >= score.quantile(0.8), score <= score.quantile(0.2)
    assert deliveries.loc[best, "opened_at"].notna().mean() > 2 * deliveries.loc[rest, "opened_at"].notna().mean()
    assert deliveries.loc[best, "hours"].median() < 0.6 * deliveries.loc[rest, "hours"].median()
    converted = leads["status"] == "converted"
    assert leads.loc[converted, "engagement_score"].mean() > 1.5 * leads.loc[~converted, "engagement_score"].mean()


def test_every_status_is_common_enough_to_be_seen(frames: Frames) -> None:
    share = frames["leads"]["status"].value_counts(normalize=True)
    assert share.min() > 0.02
    assert 0.35 < share["nurturing"] < 0.7
    assert 0.05 < share["converted"] < 0.2


def test_channels_interests_and_content_are_covered(frames: Frames) -> None:
    leads, content = frames["leads"], frames["content"]
    assert set(leads["interest_area"].dropna()) == {"marketing", "sales", "product", "hr"}
    assert leads["interest_area"].isna().any()
    assert {"organic", "google", "newsletter", "direct", "facebook", "fb", "social"} <= set(leads["source"].dropna())
    assert {"x", "ig", "linkedin", "tiktok"} <= set(leads["utm_source"].dropna())
    assert leads["referrer_url"].str.contains("t.co|lnkd.in|m.facebook.com", na=False).any()
    assert set(zip(content["content_type"], content["title"], strict=True)) >= NAMED_ITEMS
    assert content["content_id"].str.fullmatch(r"[a-z0-9-]+").all()


def test_referred_leads_have_a_referral_that_names_them(frames: Frames) -> None:
    referred = frames["leads"].dropna(subset="referrer_lead_id")
    found = referred.merge(
        frames["referrals"],
        left_on=["email", "referrer_lead_id"],
        right_on=["referred_email", "referrer_lead_id"],
    )
    assert len(found) == len(referred) > 500
    assert (found["created_at_y"] < found["created_at_x"]).all()
    assert set(found["status_y"]) == {"validated", "pending"}


# ------------------------------------------------------------------------------------------------------ anomalies


@dataclass(frozen=True)
class Drop:
    """A count or rate of the last 3 days relative to the 3 days before and to the same weekdays of 4 weeks."""

    change: float
    seasonal_change: float
    p_value: float
    volume: int

    def exceeds(self, limit: float) -> bool:
        return self.change < -limit and self.seasonal_change < -limit and self.p_value < 0.05


def days_until(day: dt.date, first: int, last: int) -> list[dt.date]:
    """The days from `first` to `last` days before `day`."""
    return [day - dt.timedelta(days=back) for back in range(first, last + 1)]


def same_weekdays(day: dt.date) -> list[dt.date]:
    return [last - dt.timedelta(weeks=week) for last in days_until(day, 0, 2) for week in range(1, 5)]


def engagement_drop(frames: Frames, day: dt.date) -> Drop:
    deliveries = deliveries_of(frames["events"])
    sent_on = deliveries["sent_at"].dt.date
    same_day = sent_on == deliveries["opened_at"].dt.date

    def counts(days: list[dt.date]) -> tuple[int, int]:
        inside = sent_on.isin(days)
        return int((same_day & inside).sum()), int(inside.sum())

    (now_opened, now), (old_opened, old) = counts(days_until(day, 0, 2)), counts(days_until(day, 3, 5))
    season_opened, season = counts(same_weekdays(day))
    rate, pooled = now_opened / now, (now_opened + old_opened) / (now + old)
    z = (rate - old_opened / old) / (pooled * (1 - pooled) * (1 / now + 1 / old)) ** 0.5
    changes = rate / (old_opened / old) - 1, rate / (season_opened / season) - 1
    return Drop(*changes, p_value=float(norm.cdf(z)), volume=min(now, old))


def lead_drop(frames: Frames, day: dt.date) -> Drop:
    created_on = frames["leads"]["created_at"].dt.date
    now = int(created_on.isin(days_until(day, 0, 2)).sum())
    old = int(created_on.isin(days_until(day, 3, 5)).sum())
    season = int(created_on.isin(same_weekdays(day)).sum()) / 4
    p_value = float(binomtest(now, now + old, 0.5, alternative="less").pvalue)
    return Drop(now / old - 1, now / season - 1, p_value, volume=old)


def last_7_days(times: pd.Series[pd.Timestamp], day: dt.date) -> pd.Series[bool]:
    upto = pd.Timestamp(day, tz="UTC") + pd.Timedelta(days=1)
    return times.between(upto - pd.Timedelta(days=7), upto, inclusive="left")


def fraud(frames: Frames, day: dt.date) -> tuple[float, int]:
    """Share of fraud among the referrals of the last 7 days, and their number."""
    recent = frames["referrals"].loc[last_7_days(frames["referrals"]["created_at"], day), "status"]
    return float((recent == "fraud").mean()), len(recent)


def unresponsive(frames: Frames, day: dt.date) -> int:
    """Leads that were sent 10 or more deliveries in the last 7 days and opened none of them."""
    deliveries = deliveries_of(frames["events"])
    recent = deliveries[last_7_days(deliveries["sent_at"], day)]
    per_lead = recent.groupby("lead_id").agg(sent=("sent_at", "size"), opened=("opened_at", "count"))
    return int(((per_lead["sent"] >= 10) & (per_lead["opened"] == 0)).sum())


def test_the_last_day_is_a_wednesday_after_120_days() -> None:
    assert LAST_DAY.isoweekday() == 3
    assert (LAST_DAY - FIRST_DAY).days + 1 == 120


def test_last_day_engagement_is_down_by_far_more_than_the_limit(any_frames: Frames) -> None:
    drop = engagement_drop(any_frames, LAST_DAY)
    assert drop.volume >= 100
    assert drop.exceeds(0.45)


def test_last_day_new_leads_are_down_by_far_more_than_the_limit(any_frames: Frames) -> None:
    drop = lead_drop(any_frames, LAST_DAY)
    assert drop.volume >= 20
    assert drop.exceeds(0.55)


def test_last_day_fraud_is_far_above_the_limit(any_frames: Frames) -> None:
    share, referrals = fraud(any_frames, LAST_DAY)
    assert referrals > 15
    assert share > 0.30


def test_last_day_a_dozen_leads_get_many_e_mails_and_open_none(any_frames: Frames) -> None:
    assert unresponsive(any_frames, LAST_DAY) == 12
    deliveries = deliveries_of(any_frames["events"])
    per_lead = deliveries.loc[last_7_days(deliveries["sent_at"], LAST_DAY), "lead_id"].value_counts()
    assert (per_lead >= 10).sum() == 12


def test_ten_days_earlier_nothing_is_wrong(any_frames: Frames) -> None:
    """The windows of that Sunday set a weekend against weekdays: only the season tells that it is no anomaly."""
    assert not engagement_drop(any_frames, QUIET_DAY).exceeds(0.30)
    assert not lead_drop(any_frames, QUIET_DAY).exceeds(0.40)
    assert fraud(any_frames, QUIET_DAY)[0] <= 0.15
    assert unresponsive(any_frames, QUIET_DAY) == 0


def test_fraud_is_about_6_percent_outside_the_incident(frames: Frames) -> None:
    usual = frames["referrals"].loc[lambda table: table["created_at"] < END - pd.Timedelta(days=7), "status"]
    assert (usual == "fraud").mean() == pytest.approx(0.06, abs=0.015)

"""Protects the classification of leads by channel: worked examples, lists, lies, and what must hold for any text."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition_assets.channels.classify import ANSWERS, Classifier, channel_table
from acquisition_assets.channels.policy import CHANNEL_CLASSES, ChannelPolicy
from acquisition_assets.channels.reduce import APART, reduce_lead
from acquisition_assets_tests.kit.channel_vectors import DATA, PLATFORMS, POLICY, SHIPPED, classify, vectors

GA4_CLASSES = {
    "Direct": "direct",
    "Cross-network": "paid_other",
    # One of the two has no paid medium; Google's own rule calls it organic.
    "Paid Shopping": "paid_other shopping",
    "Paid Search": "paid_search",
    "Paid Social": "paid_social",
    "Paid Video": "paid_other",
    "Display": "paid_other",
    "Paid Other": "paid_other",
    "Organic Shopping": "shopping",
    "Organic Social": "organic_social",
    "Organic Video": "video",
    "Organic Search": "organic_search",
    "Referral": "referral",
    "Email": "email",
    "Affiliates": "affiliate",
    "Audio": "referral",
    "SMS": "sms",
    "Mobile Push Notifications": "push",
    "Unassigned": "unknown",
}


@pytest.mark.parametrize("expected", CHANNEL_CLASSES)
def test_vectors_of_a_class(expected: str) -> None:
    wrong = []
    rows = [row for row in vectors() if row["expected"] == expected]
    for row in rows:
        lead = {name: value or None for name, value in row.items() if name not in ("expected", "after")}
        found = classify(**lead)
        if found.channel_class != expected:
            wrong.append((row, found))
    assert rows
    assert not wrong


def test_there_are_enough_vectors_and_no_two_alike() -> None:
    texts = [tuple(value for name, value in row.items() if name != "after") for row in vectors()]
    assert len(texts) >= 300
    assert [text for text, times in Counter(texts).items() if times > 1] == []


def test_the_worked_cases_of_dbt_ga4() -> None:
    lines = (DATA / "ga4_velir_cases.jsonl").read_text(encoding="utf-8").splitlines()
    for case in map(json.loads, lines):
        found = classify(
            utm_source=case["utm_source"],
            utm_medium=case["utm_medium"],
            utm_campaign=case["utm_campaign"],
            referrer_url=case["referrer"],
        )
        assert found.channel_class in GA4_CLASSES[case["expected"]].split(), case


@pytest.mark.parametrize(
    ("lead", "platform", "channel"),
    [
        # The platform of its own is the channel, paid or not.
        ({"source": "LinkedIn Ads"}, "linkedin", "linkedin"),
        ({"utm_source": "X (Twitter)"}, "twitter", "twitter"),
        ({"utm_source": "meta_ads"}, "facebook", "facebook"),
        ({"utm_source": "x"}, "twitter", "twitter"),
        ({"utm_source": "generation x"}, None, "organic"),
        ({"utm_source": "tiktok"}, "social", "social"),
        ({"utm_source": "newsletter", "utm_medium": "paid social"}, "social", "social"),
        ({"utm_source": "on line"}, None, "organic"),
        # YouTube is video, not social.
        ({"utm_source": "youtube"}, None, "video"),
        ({"referrer_url": "https://m.youtube.com/"}, None, "video"),
        # The source that the source system gives is the channel, as the class where it is that word.
        ({"source": "webinar", "utm_source": "google", "utm_medium": "cpc"}, None, "webinar"),
        ({"source": "Paid-Search", "utm_medium": "email"}, None, "paid_search"),
        ({"source": "organic", "utm_source": "google", "utm_medium": "cpc"}, None, "paid_search"),
        ({"source": "e-mail"}, None, "email"),
        ({"source": "organic"}, None, "organic"),
        ({"source": "facebook", "utm_source": "google"}, "facebook", "facebook"),
    ],
)
def test_platform_and_channel(lead: dict[str, str], platform: str | None, channel: str) -> None:
    found = classify(**lead)
    assert (found.platform, found.channel) == (platform, channel)


@pytest.mark.parametrize(
    ("lead", "repairs"),
    [
        ({"utm_medium": "cpc"}, ()),
        ({"utm_medium": "cpc%20"}, ("encoded",)),
        ({"utm_medium": "emial"}, ("typo",)),
        ({"utm_medium": "cpc&utm_term=x"}, ("junk",)),
        ({"utm_source": "{{site}}", "utm_medium": "emial&x"}, ("junk", "placeholder", "typo")),
        ({"utm_source": "${NETWORK}"}, ("placeholder",)),
        ({"utm_source": "Yahoo!"}, ()),
    ],
)
def test_what_was_repaired_is_said(lead: dict[str, str], repairs: tuple[str, ...]) -> None:
    assert classify(**lead).repairs == repairs


def test_a_rule_of_the_policy_comes_first() -> None:
    rules = [
        {
            "name": "fairs",
            "channel_class": "referral",
            "detail": "fair",
            "utm_source": ["messe-*"],
            "utm_campaign_words": ["hannover"],
        },
        {"name": "qr codes", "channel_class": "direct", "utm_medium": ["qr"]},
    ]
    policy = ChannelPolicy.model_validate({**SHIPPED, "rules": rules})
    classifier = Classifier(policy, PLATFORMS)
    fair = classify(policy, classifier, utm_source="Messe_2026", utm_medium="cpc", utm_campaign="Q2 Hannover")
    assert (fair.channel_class, fair.channel_detail, fair.channel_rule) == ("referral", "fair", "policy.fairs")
    assert classify(policy, classifier, utm_source="Messe_2026", utm_medium="cpc").channel_class == "paid_other"
    assert classify(policy, classifier, utm_source="flyer", utm_medium="QR").channel_class == "direct"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rules": [{"name": "a", "channel_class": "email"}]}, "at least one field"),
        ({"rules": [{"name": "a", "channel_class": "mail", "source": ["a"]}]}, "channel_class"),
        ({"own_hosts": ["https://example.com/"]}, "is no host"),
    ],
)
def test_a_wrong_policy_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ChannelPolicy.model_validate({**SHIPPED, **change})


def test_the_table_gives_each_combination_its_answers() -> None:
    leads = [{"utm_source": "google", "utm_medium": "cpc"}, {"utm_medium": "emial"}, {}]
    combinations = [APART.join(text or "" for text in reduce_lead(POLICY, **lead).values()) for lead in leads]
    distinct = pa.table({"combination": pa.array(combinations, pa.string())})
    found = channel_table(distinct, POLICY, PLATFORMS)
    assert found.column_names == ["combination", *ANSWERS, "repairs"]
    assert found.column("repairs").to_pylist() == ["", "typo", ""]
    assert found.column("channel_class").to_pylist() == ["paid_search", "email", "unknown"]
    assert found.select(["combination"]).equals(distinct)
    assert channel_table(distinct.slice(0, 0), POLICY, PLATFORMS).num_rows == 0


WORDS = st.sampled_from(
    [
        "google",
        "cpc",
        "x",
        "email",
        "https://www.google.com/",
        "chatgpt.com",
        "fb",
        "gclid=a",
        "{{x}}",
        "%20",
        "organic",
    ]
) | st.text(max_size=15)
MAYBE = st.none() | WORDS


@settings(max_examples=300, deadline=None)
@given(MAYBE, MAYBE, MAYBE, MAYBE, MAYBE, MAYBE, MAYBE)
def test_any_text_has_one_class_a_rule_and_a_channel(
    source: str | None,
    utm_source: str | None,
    utm_medium: str | None,
    utm_campaign: str | None,
    referrer_url: str | None,
    landing_url: str | None,
    click_ids: str | None,
) -> None:
    lead = {
        "source": source,
        "utm_source": utm_source,
        "utm_medium": utm_medium,
        "utm_campaign": utm_campaign,
        "referrer_url": referrer_url,
        "landing_url": landing_url,
        "click_ids": click_ids,
    }
    found = classify(**lead)
    assert found.channel_class in CHANNEL_CLASSES
    assert found.channel
    assert found.channel_rule
    # Nothing is kept from lead to lead.
    assert Classifier(POLICY, PLATFORMS).classify(**reduce_lead(POLICY, **lead)) == found


@settings(deadline=None)
@given(st.sampled_from([row for row in vectors() if row["utm_source"] or row["utm_medium"]]))
def test_case_and_blanks_do_not_matter(row: dict[str, str]) -> None:
    lead = {name: value or None for name, value in row.items() if name not in ("expected", "after")}
    dressed = {
        name: f"  {value.upper()} " if value and name in ("source", "utm_source", "utm_medium") else value
        for name, value in lead.items()
    }
    assert classify(**dressed).channel_class == row["expected"]


def test_no_fbclid_proves_paid() -> None:
    for row in vectors():
        lead = {name: value or None for name, value in row.items() if name not in ("expected", "after")}
        if lead["click_ids"] or (lead["landing_url"] and "clid" in lead["landing_url"]):
            continue
        with_id = classify(**{**lead, "click_ids": "fbclid=IwAR3"})
        assert with_id.channel_class.startswith("paid") == row["expected"].startswith("paid"), row

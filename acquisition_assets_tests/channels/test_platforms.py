"""Protects the classification of a lead's platform with worked examples, known traps and real lists."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.channels.platforms import Platforms
from acquisition_assets.channels.policy import PlatformPolicy
from acquisition_assets.policy import read_policy

CHANNELS = Path(__file__).parents[1] / "data" / "channels"
POLICY = read_policy().platforms
PLATFORMS = Platforms(POLICY)
FOUR = ("facebook", "twitter", "linkedin", "instagram")
# Matomo lists these as networks, but they are sign-in pages, redirects, closed networks or download sites.
NO_NETWORKS = {
    "login.live.com",
    "url.google.com",
    "plus.google.com",
    "com.google.android.apps.plus",
    "sourceforge.net",
}
VIDEO = ("YouTube", "Vimeo")
"""Networks of Matomo that are video sites here."""
APP_IDS = {"linkedin.android": "com.linkedin.android"}  # Matomo writes the end of the id
MATOMO: dict[str, list[str]] = yaml.safe_load((CHANNELS / "matomo_Socials.yml").read_text(encoding="utf-8"))
CASES = [json.loads(line) for line in (CHANNELS / "ga4_velir_cases.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("source", "utm_source", "utm_medium", "host", "expected"),
    [
        # names and aliases, exactly
        ("facebook", None, None, None, "facebook"),
        ("x", None, None, None, "twitter"),
        ("organic", "fb", "cpc", None, "facebook"),
        ("organic", "ig", None, None, "instagram"),
        ("organic", "insta", None, None, "instagram"),
        ("organic", "li", None, None, "linkedin"),
        ("  FaceBook ", None, None, None, "facebook"),
        ("\u00a0LinkedIn\t", None, None, None, "linkedin"),
        ("facebooks", None, None, None, None),
        ("my facebook", None, None, None, "facebook"),
        ("LinkedIn Ads", None, None, None, "linkedin"),
        ("X (Twitter)", None, None, None, "twitter"),
        ("organic", "meta_ads", None, None, "facebook"),
        ("organic", "insta-stories", None, None, "instagram"),
        ("organic", "my x", None, None, None),  # aliases of two letters or fewer count alone
        ("organic", "li newsletter", None, None, None),
        ("organic", "linkedins", None, None, None),
        ("xx", None, None, None, None),
        ("ｆａｃｅｂｏｏｋ", None, None, None, None),
        ("faсebook", None, None, None, None),  # with a Cyrillic letter
        # domains and subdomains
        ("organic", None, None, "x.com", "twitter"),
        ("organic", None, None, "t.co", "twitter"),
        ("organic", None, None, "lnkd.in", "linkedin"),
        ("organic", None, None, "m.facebook.com", "facebook"),
        ("organic", None, None, "L.Instagram.com", "instagram"),
        ("organic", None, None, "es.linkedin.com", "linkedin"),
        ("organic", None, None, "com.linkedin.android", "linkedin"),
        ("organic", "facebook.com", None, None, "facebook"),
        ("www.twitter.com", None, None, None, "twitter"),
        ("organic", None, None, "netflix.com", None),
        ("organic", None, None, "notfacebook.com", None),
        ("organic", None, None, "facebook.com.evil.org", None),
        ("organic", None, None, "reddit.co", None),
        ("organic", None, None, "cat.co", None),
        ("organic", None, None, "x.company", None),
        ("organic", None, None, ".x.com", None),
        ("organic", None, None, "a..x.com", None),
        ("organic", "https://evil.org/?from=.facebook.com", None, None, "facebook"),  # as one of its words
        ("organic", "https://evil.org/?from=t.co", None, None, None),
        ("organic", None, None, "google.com", None),
        # the first that names one of the four
        ("facebook", "linkedin", None, "t.co", "facebook"),
        ("organic", "linkedin", None, "t.co", "linkedin"),
        ("organic", "google", None, "t.co", "twitter"),
        ("tiktok", "reddit", "social", "www.linkedin.com", "linkedin"),
        ("social", "ig", "social", None, "instagram"),
        # other networks
        ("tiktok", None, None, None, "social"),
        ("organic", "YouTube.com", None, None, None),  # video, not social
        ("vimeo", None, None, "youtu.be", None),
        ("organic", "TikTok Ads", None, None, "social"),
        ("line", None, None, None, "social"),
        ("organic", "signal", None, None, "social"),
        ("product line", None, None, None, None),  # words of a language count alone
        ("live event", "path to purchase", None, None, None),
        ("vk", None, None, None, "social"),
        ("vk feed", None, None, None, None),
        ("organic", None, None, "old.reddit.com", "social"),
        ("organic", None, None, "out.reddit.com", "social"),
        ("organic", "tiktok", "cpc", None, "social"),
        ("organic", None, None, "mytiktok.com", None),
        # the word social
        ("social", None, None, None, "social"),
        ("organic", " SOCIAL ", None, None, "social"),
        ("social media", None, None, None, "social"),
        ("organic", "paidsocial", None, None, "social"),
        ("organic", None, "socialmedia", None, "social"),
        ("organic", None, None, "social.example.org", None),  # of a host only its domain counts
        ("organic", None, "Social-Media", None, "social"),
        ("organic", None, "paid_social", None, "social"),
        ("organic", None, "paid.social/es", None, "social"),
        ("organic", None, "redes→social", None, "social"),
        ("organic", None, "antisocial", None, None),
        ("organic", None, "social2", None, None),
        ("organic", None, "socialé", None, None),
        ("organic", None, "facebook", None, None),  # the medium names no platform
        # nothing
        ("organic", None, None, None, None),
        ("", "  ", " ", "", None),
        (None, None, None, None, None),
    ],
)
def test_platform(
    source: str | None, utm_source: str | None, utm_medium: str | None, host: str | None, expected: str | None
) -> None:
    assert PLATFORMS.platform(source, utm_source, utm_medium, host) == expected


@pytest.mark.parametrize("network", MATOMO)
def test_every_network_that_matomo_lists_is_recognised_by_its_domains(network: str) -> None:
    expected: str | None = network.lower() if network.lower() in FOUR else "social"
    if network in VIDEO:
        expected = None
    for listed in MATOMO[network]:
        domain = APP_IDS.get(listed, listed)
        told = PLATFORMS.platform("organic", None, None, domain)
        assert told == (None if domain in NO_NETWORKS else expected), domain
        assert PLATFORMS.platform("organic", None, None, f"sub.{domain}") == told, domain


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['utm_source']}/{case['utm_medium']}")
def test_real_channel_cases(case: dict[str, Any]) -> None:
    told = PLATFORMS.platform("organic", case["utm_source"], case["utm_medium"], case["referrer"])
    assert (told is not None) == ("Social" in case["expected"])
    assert (told == "facebook") == (case["utm_source"] == "facebook")


def test_a_user_defined_platform_is_recognised_by_its_name() -> None:
    given = {
        **POLICY.model_dump(),
        "names": {"facebook": ["fb"], "strava": ["strv"]},
        "domains": {"facebook": ["facebook.com"], "strava": ["strava.com"]},
        "social_name": "redes",
    }
    platforms = Platforms(PlatformPolicy.model_validate(given))
    assert platforms.platform("strava", None, None, None) == "strava"
    assert platforms.platform("organic", None, None, "www.strava.com") == "strava"
    # A source named as the generic platform is that platform: a channel is either social or not.
    assert platforms.platform("redes", None, None, None) == "redes"
    assert platforms.platform("organic", None, "social", None) == "redes"


def test_the_policy_sets_the_shortest_word_and_the_words_that_count_alone() -> None:
    longer = Platforms(POLICY.model_copy(update={"shortest_word": 6}))
    assert longer.platform("organic", "insta stories", None, None) is None
    assert longer.platform("organic", "insta", None, None) == "instagram"
    none_alone = Platforms(POLICY.model_copy(update={"social_names_alone": []}))
    assert none_alone.platform("live event", None, None, None) == "social"


WORDS = st.sampled_from(
    [
        *FOUR,
        "x",
        "t.co",
        "m.facebook.com",
        "tiktok",
        "social",
        "organic",
        "google.com",
        "",
        None,
    ]
) | st.text(alphabet=string.ascii_letters + " ._-/Éñ", max_size=12)


@given(WORDS, WORDS, WORDS, WORDS)
def test_a_platform_is_one_of_five_whatever_the_case_and_blanks(
    source: str | None, utm_source: str | None, utm_medium: str | None, host: str | None
) -> None:
    told = PLATFORMS.platform(source, utm_source, utm_medium, host)
    assert told in (*FOUR, "social", None)
    dressed = [None if text is None else f" {text.upper()} " for text in (source, utm_source, utm_medium, host)]
    assert PLATFORMS.platform(*dressed) == told
    # Without a platform, the source must not be the name of one: a channel is either social or not.
    if told is None:
        assert (source or "").strip().lower() not in (*FOUR, "social")

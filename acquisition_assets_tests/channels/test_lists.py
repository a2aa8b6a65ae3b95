"""Protects the shipped lists: sources and licences, no entry twice, and the public lists come out right."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
import yaml

from acquisition_assets.channels.classify import CATEGORIES
from acquisition_assets.channels.lists import LISTS, ending_labels, own_labels, read_click_ids, read_networks, squash
from acquisition_assets.channels.policy import CHANNEL_CLASSES
from acquisition_assets_tests.kit.channel_vectors import DATA, classify

FILES = sorted(LISTS.glob("*.csv"))
MATCHES = {"path", "site", "host", "app", "name", "word"}
# What Matomo lists as a network and is a video site, a sign-in page, a redirect or a download site.
NO_NETWORKS = {"youtube.com", "youtu.be", "vimeo.com", "com.google.android.youtube"} | {
    "login.live.com",
    "url.google.com",
    "plus.google.com",
    "com.google.android.apps.plus",
    "sourceforge.net",
    "linkedin.android",
}


def rows(path: Path) -> list[dict[str, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_list_names_its_sources_with_licence_and_date(path: Path) -> None:
    head = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    text = "\n".join(head)
    assert "source: " in text
    assert "MIT" in text or "CC0" in text
    assert "2026-" in text


@pytest.mark.parametrize("name", [name for name, _ in CATEGORIES])
def test_a_list_has_no_entry_twice_and_known_matches(name: str) -> None:
    listed = rows(LISTS / f"{name}.csv")
    keys = Counter((row["entry"], row["match"]) for row in listed)
    assert [key for key, times in keys.items() if times > 1] == []
    assert {row["match"] for row in listed} <= MATCHES
    assert all(row["network"].strip() and row["entry"] == row["entry"].lower() for row in listed)


def test_the_lists_are_read_whole() -> None:
    for name, _ in CATEGORIES:
        found = read_networks(name)
        size = sum(map(len, (found.hosts, found.sites, found.names, found.words))) + sum(map(len, found.paths.values()))
        alike = {(squash(row["entry"]), row["match"] == "word") for row in rows(LISTS / f"{name}.csv")}
        assert size <= len(rows(LISTS / f"{name}.csv"))
        assert size > len(alike) * 0.8


def test_click_ids_prove_a_class_there_is() -> None:
    assert {click.channel_class for click in read_click_ids().values()} <= set(CHANNEL_CLASSES)
    assert not read_click_ids()["fbclid"].channel_class.startswith("paid")


def test_every_network_that_matomo_lists_is_social() -> None:
    listed = yaml.safe_load((DATA / "matomo_Socials.yml").read_text(encoding="utf-8"))
    hosts = [host for each in listed.values() for host in each if host not in NO_NETWORKS]
    assert [
        host for host in hosts if classify(referrer_url=f"https://{host}/x").channel_class != "organic_social"
    ] == []


@pytest.mark.parametrize(
    ("host", "ending", "own"),
    [
        ("example.com", 1, []),
        ("www.example.co.uk", 2, ["www"]),
        ("mail.eu.example.com.br", 2, ["mail", "eu"]),
        ("example.io", 1, []),
        ("co.uk", 1, []),
        ("localhost", 1, []),
    ],
)
def test_the_labels_of_a_host(host: str, ending: int, own: list[str]) -> None:
    assert ending_labels(host.split(".")) == ending
    assert own_labels(host) == own

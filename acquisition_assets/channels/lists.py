"""Reads the lists of networks, media and click ids that ship with the package, and finds a host or a word in them.

Leaves the order in which lists are asked to `classify`, and the lists themselves to the files in `lists/`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path

LISTS = Path(__file__).with_name("lists")
BETWEEN_WORDS = re.compile(r"[\W_]+")
# Labels that come before a country's own ending, as in co.uk and com.br.
SECOND_LEVEL = frozenset(("ac", "co", "com", "edu", "go", "gob", "gov", "ne", "net", "or", "org"))
ANY = "{}"


def squash(text: str) -> str:
    """Return a text without blanks, hyphens, underscores and other marks: `E-Mail` is email in lower case."""
    return BETWEEN_WORDS.sub("", text)


def split_words(text: str) -> list[str]:
    """Return the words of a text: runs of letters and digits."""
    return [word for word in BETWEEN_WORDS.split(text) if word]


def ending_labels(labels: list[str]) -> int:
    """Return how many labels of a host are its ending: 2 for co.uk, else 1."""
    is_country = len(labels[-1]) == 2
    return 2 if is_country and len(labels) > 2 and labels[-2] in SECOND_LEVEL else 1


def own_labels(host: str) -> list[str]:
    """Return the labels before a host's registered domain: `mail` and `eu` of mail.eu.example.co.uk."""
    labels = host.split(".")
    return labels[: max(0, len(labels) - ending_labels(labels) - 1)]


def spellings(host: str) -> Iterator[str]:
    """Yield a host, then itself with `{}` for its country ending, and with `{}` for its first label."""
    yield host
    labels = host.split(".")
    ending = ending_labels(labels)
    if ending < len(labels):
        yield ".".join([*labels[:-ending], ANY])
    if len(labels) > ending + 1:
        yield ".".join([ANY, *labels[1:]])


@lru_cache(maxsize=1024)
def host_spellings(host: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the spellings of a host (with and without `www.`), and those of it and every domain above it."""
    bare = host.removeprefix("www.")
    labels = bare.split(".")
    parents = (".".join(labels[first:]) for first in range(len(labels) - 1))
    alike = (*spellings(host), *(spellings(bare) if bare != host else ()))
    return alike, tuple(spelling for parent in parents for spelling in spellings(parent))


@dataclass
class NetworkList:
    """One list of networks: its hosts, paths, and names.

    A host matches exactly (with or without `www.`), a site with all of its subdomains, a path where a page below a host
    begins with it, a name where it is the whole field, a word also where it is one of the field's words.
    """

    hosts: dict[str, str] = field(default_factory=dict)
    sites: dict[str, str] = field(default_factory=dict)
    paths: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def by_host(self, host: str, path: str) -> str | None:
        """Return the network that a host (in lower case) and a path belong to, or None."""
        if not host:
            return None
        alike, above = host_spellings(host)
        for spelling in alike:
            if spelling in self.hosts:
                return self.hosts[spelling]
            for prefix, network in self.paths.get(spelling, ()) if path else ():
                if (path + "/").startswith(prefix + "/"):
                    return network
        return next((self.sites[spelling] for spelling in above if spelling in self.sites), None)

    def by_whole_name(self, squashed: str) -> str | None:
        """Return the network whose name a squashed text is, or None."""
        return self.words.get(squashed) or self.names.get(squashed)

    def by_name(self, text: str) -> str | None:
        """Return the network whose name a text in lower case is, or has among its words, or None."""
        whole = self.by_whole_name(squash(text))
        if whole is not None:
            return whole
        words = split_words(text)
        for word in (*words, *(one + other for one, other in pairwise(words))):
            if word in self.words:
                return self.words[word]
        return None


@dataclass(frozen=True)
class ClickId:
    """An id in a link: the network that adds it, what it proves, and the networks it may come with."""

    name: str
    network: str
    channel_class: str
    fits: frozenset[str]

    def fits_all(self) -> bool:
        """Return whether the id proves its class whatever else is known."""
        return "*" in self.fits


@cache
def read_networks(name: str) -> NetworkList:
    """Return one of the shipped lists of networks, such as `search_engines`."""
    found = NetworkList()
    for row in _rows(name):
        entry, network, match = row["entry"], row["network"], row["match"]
        if match == "path":
            host, _, path = entry.partition("/")
            found.paths.setdefault(host, []).append(("/" + path, network))
        elif match == "site":
            found.sites[entry] = network
        elif match in ("host", "app"):
            found.hosts[entry] = network
        else:
            (found.words if match == "word" else found.names)[squash(entry)] = network
    return found


@cache
def read_click_ids() -> dict[str, ClickId]:
    """Return the known click ids by name, in the order of the list."""
    return {
        row["name"]: ClickId(row["name"], row["network"], row["channel_class"], frozenset(row["fits"].split()))
        for row in _rows("click_ids")
    }


@cache
def read_mediums() -> list[tuple[str, str, str]]:
    """Return (word, kind, match) of the words of utm_medium, in the order of the list."""
    return [(row["word"], row["kind"], row["match"]) for row in _rows("mediums")]


@cache
def path_hosts() -> dict[str, list[str]]:
    """Return the hosts whose paths say more than the host, with these paths."""
    found: dict[str, list[str]] = {}
    for name in ("ai_assistants", "search_engines"):
        for host, paths in read_networks(name).paths.items():
            found.setdefault(host, []).extend(path for path, _ in paths)
    return found


def _rows(name: str) -> list[dict[str, str]]:
    text = (LISTS / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))

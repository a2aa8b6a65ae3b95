"""Tells a lead's platform from its source, utm fields and referrer's host, by the policy's names and domains.

The lists are left to policy.yaml, and counts per platform to social_performance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa

from acquisition_assets.channels.policy import PlatformPolicy

FIELDS = ("source", "utm_source", "utm_medium", "referrer_host")
# Labels of letters, digits, - and _ with single dots between them. A URL, an address or `.x.com` is no domain.
DOMAIN = re.compile(r"[\w-]+(?:\.[\w-]+)+")
BETWEEN_WORDS = re.compile(r"[\W_]+")
MOST_WORDS = 3
"""The words of the longest name that is looked for in a text."""


class Platforms:
    """The platform that a lead's channel fields name: by exact name or alias, by word, by domain or subdomain."""

    def __init__(self, policy: PlatformPolicy) -> None:
        self._names = {word: platform for platform, words in policy.names.items() for word in words}
        # A platform is a name of itself, so that no lead's source can look like a platform it is not.
        for platform in policy.names:
            self._names.setdefault(platform, platform)
        self._full_names = {name: name for name in policy.names}
        for name, platform in self._names.items():
            words = _words(name)
            # An alias of several words is found as its words in a row; of one word, where it is long enough.
            if len(words) > 1 or len(name) >= policy.shortest_word:
                self._full_names.setdefault(" ".join(words), platform)
        self._domains = {domain: platform for platform, domains in policy.domains.items() for domain in domains}
        self._social = frozenset([*policy.other_social, *policy.social_words, policy.social_name])
        self._social_in_text = frozenset(
            name
            for name in policy.other_social
            if len(name) >= policy.shortest_word and name not in policy.social_names_alone
        )
        self._social_words = frozenset(policy.social_words)
        self._social_domains = frozenset(policy.other_social_domains)
        self._social_name = policy.social_name

    def platform(
        self, source: str | None, utm_source: str | None, utm_medium: str | None, referrer_host: str | None
    ) -> str | None:
        """Return the platform that the first of source, utm_source and host names; else `social` or nothing."""
        texts, host = [_cleaned(field) for field in (source, utm_source)], _cleaned(referrer_host)
        for text in texts:
            named = self._named(text) or self._named_by_word(text)
            if named is not None:
                return named
        named = self._named(host)
        if named is not None:
            return named
        is_social = (
            any(self._is_social(text) or self._has_social_word(text) for text in texts)
            or self._is_social(host)
            or not self._social_words.isdisjoint(_words(_cleaned(utm_medium)))
        )
        return self._social_name if is_social else None

    def _named(self, text: str) -> str | None:
        if text in self._names:
            return self._names[text]
        return next((self._domains[domain] for domain in _domains(text) if domain in self._domains), None)

    def _named_by_word(self, text: str) -> str | None:
        """Return the platform of the first word, or words in a row, that are a name."""
        words = _words(text)
        return next((self._full_names[run] for run in _runs(words) if run in self._full_names), None)

    def _is_social(self, text: str) -> bool:
        return text in self._social or any(domain in self._social_domains for domain in _domains(text))

    def _has_social_word(self, text: str) -> bool:
        return any(word in self._social_words or word in self._social_in_text for word in _words(text))


def platform_table(distinct: pa.Table, policy: PlatformPolicy) -> pa.Table:
    """Return the distinct rows of a lead's four channel fields with two columns more: `platform` and `channel`.

    The channel is the platform, else the source, which is `organic` where nothing is given.
    """
    platforms = Platforms(policy)
    columns = [distinct.column(name).to_pylist() for name in FIELDS]
    rows = list(zip(*columns, strict=True))
    found = [platforms.platform(*fields) for fields in rows]
    channels = [platform or source for platform, (source, *_) in zip(found, rows, strict=True)]
    named = distinct.append_column("platform", pa.array(found, pa.string()))
    return named.append_column("channel", pa.array(channels, pa.string()))


def _cleaned(text: str | None) -> str:
    return "" if text is None else text.strip().lower()


def _words(text: str) -> list[str]:
    """Return the words of a text, which anything but letters and digits parts."""
    return [word for word in BETWEEN_WORDS.split(text) if word]


def _runs(words: list[str]) -> Iterator[str]:
    """Give every word and every few words in a row, in the order of the text."""
    for first in range(len(words)):
        for last in range(first + 1, min(first + MOST_WORDS, len(words)) + 1):
            yield " ".join(words[first:last])


def _domains(text: str) -> Iterator[str]:
    """The text, where it is a domain, and every domain that it is a subdomain of, the longest first."""
    if not DOMAIN.fullmatch(text):
        return
    labels = text.split(".")
    for first in range(len(labels) - 1):
        yield ".".join(labels[first:])

"""Finds the social platform that a source, a utm field or a referrer's host names, by the policy's names and domains.

The lists are left to policy.yaml, all other channels to `classify`, and counts per platform to social_performance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from acquisition_assets.channels.policy import PlatformPolicy

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
        self._fields: dict[str | None, tuple[str | None, bool]] = {}
        self._hosts: dict[str | None, tuple[str | None, bool]] = {}
        self._media: dict[str | None, bool] = {}

    def platform(
        self, source: str | None, utm_source: str | None, utm_medium: str | None, referrer_host: str | None
    ) -> str | None:
        """Return the platform that the first of source, utm_source and host names; else `social` or nothing."""
        fields = [self._field(source), self._field(utm_source), self._host(referrer_host)]
        named = next((platform for platform, _ in fields if platform is not None), None)
        if named is not None:
            return named
        is_social = any(is_other for _, is_other in fields) or self._says_social(utm_medium)
        return self._social_name if is_social else None

    def named(self, text: str, *, has_words: bool) -> str | None:
        """Return the platform of its own that a clean text names: as a whole, by its domain, or by one of its words."""
        return self._named(text) or (self._named_by_word(text) if has_words else None)

    def is_other(self, text: str) -> bool:
        """Return whether a clean text names a network without a platform; of a host, only its domain counts."""
        is_host = DOMAIN.fullmatch(text) is not None
        return self._is_social(text) or (not is_host and not self._social_in_text.isdisjoint(_words(text)))

    def has_social_word(self, text: str) -> bool:
        """Return whether one of the words of a clean text says social."""
        return not self._social_words.isdisjoint(_words(text))

    # Fields repeat from lead to lead, so each distinct value is looked up once.

    def _field(self, raw: str | None) -> tuple[str | None, bool]:
        """Return the platform that source or utm_source names, and whether it names another network."""
        if raw not in self._fields:
            text = _cleaned(raw)
            self._fields[raw] = (
                self.named(text, has_words=True),
                self._is_social(text) or self._has_social_word(text),
            )
        return self._fields[raw]

    def _host(self, raw: str | None) -> tuple[str | None, bool]:
        """Return the platform that a referrer's host names, and whether it is of another network."""
        if raw not in self._hosts:
            text = _cleaned(raw)
            self._hosts[raw] = (self._named(text), self._is_social(text))
        return self._hosts[raw]

    def _says_social(self, raw: str | None) -> bool:
        if raw not in self._media:
            self._media[raw] = self.has_social_word(_cleaned(raw))
        return self._media[raw]

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

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


class Platforms:
    """Tells platforms by exact name, alias, domain or subdomain; never by a part of a word."""

    def __init__(self, policy: PlatformPolicy) -> None:
        self._names = {word: platform for platform, words in policy.names.items() for word in words}
        # A platform and `social` are names of themselves, so that no lead's source can look like a platform it is not.
        for platform in policy.names:
            self._names.setdefault(platform, platform)
        self._domains = {domain: platform for platform, domains in policy.domains.items() for domain in domains}
        self._social = frozenset([*policy.other_social, policy.social_word, policy.social_name])
        self._social_domains = frozenset(policy.other_social_domains)
        self._social_word = policy.social_word
        self._social_name = policy.social_name

    def platform(
        self, source: str | None, utm_source: str | None, utm_medium: str | None, referrer_host: str | None
    ) -> str | None:
        """The platform that the first of source, utm_source and host names; else `social` or nothing."""
        told = [_cleaned(field) for field in (source, utm_source, referrer_host)]
        for text in told:
            named = self._named(text)
            if named is not None:
                return named
        if any(map(self._is_social, told)) or self._social_word in BETWEEN_WORDS.split(_cleaned(utm_medium)):
            return self._social_name
        return None

    def _named(self, text: str) -> str | None:
        if text in self._names:
            return self._names[text]
        return next((self._domains[domain] for domain in _domains(text) if domain in self._domains), None)

    def _is_social(self, text: str) -> bool:
        return text in self._social or any(domain in self._social_domains for domain in _domains(text))


def platform_table(distinct: pa.Table, policy: PlatformPolicy) -> pa.Table:
    """The distinct rows of a lead's four channel fields with one column more: `platform`."""
    platforms = Platforms(policy)
    columns = [distinct.column(name).to_pylist() for name in FIELDS]
    found = [platforms.platform(*fields) for fields in zip(*columns, strict=True)]
    return distinct.append_column("platform", pa.array(found, pa.string()))


def _cleaned(text: str | None) -> str:
    return "" if text is None else text.strip().lower()


def _domains(text: str) -> Iterator[str]:
    """The text, where it is a domain, and every domain that it is a subdomain of, the longest first."""
    if not DOMAIN.fullmatch(text):
        return
    labels = text.split(".")
    for first in range(len(labels) - 1):
        yield ".".join(labels[first:])

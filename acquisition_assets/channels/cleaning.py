"""Cleans the values of utm fields and reads hosts, paths and click ids out of them and of URLs.

Leaves what a clean value means to `classify`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

from acquisition_assets.channels.lists import split_words, squash

# What tools write for a value that there is none of.
MISSING = frozenset(
    (
        *(
            "",
            "null",
            "none",
            "nan",
            "nat",
            "<na>",
            "n/a",
            "na",
            "#n/a",
            "undefined",
            "(not set)",
            "not set",
            "not_set",
        ),
        *("(blank)", "-", "--", "(none)", "(not provided)", "(unknown)", "[object object]", "\\n"),
    )
)
# Macros that an ad server should have replaced: {{x}}, ${x}, {x}, [x], %%x%%, __X__, <x>.
PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}|\$?\{[^{}]*\}|\[[^\[\]]*\]|%%[^%]*%%|__[a-z0-9_.]+?__|<[^<>]*>")
ADDRESS = re.compile(r"^[^\s@/]+@[^\s@/]+\.[^\s@/]+$")
# Where another parameter, an anchor or a pasted link begins.
JUNK = re.compile(r"[?&#;].*$|\s+https?://.*$", re.DOTALL)
EDGES = " \t\r\n\u00a0\"'`\u201c\u201d\u2018\u2019.,:;/\\|*!"
URL = re.compile(r"^[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]*)[^/?#]*(/[^?#]*)?|^//([^/?#:]+)[^/?#]*(/[^?#]*)?")
DOMAIN = re.compile(r"^((?:[\w-]+\.)+[^\W\d_][\w-]*)\.?(?::\d+)?(/.*)?$")
LOCAL = re.compile(
    r"^(localhost|.*\.local|.*\.internal|127\..*|10\..*|192\.168\..*|172\.(1[6-9]|2\d|3[01])\..*|0\.0\.0\.0)$"
)
DECODED_TIMES = 2
ENCODED, TRAILING_JUNK, PLACEHOLDERS, TYPO = "encoded", "junk", "placeholder", "typo"


@dataclass(frozen=True, eq=False)
class Value:
    """A cleaned value: its text in lower case, its host and path where it is one, and what had to be repaired.

    Values are compared by identity: whoever reads many keeps one for each text.
    """

    text: str = ""
    host: str = ""
    path: str = ""
    repairs: frozenset[str] = frozenset()
    junk: str = ""

    @cached_property
    def squashed(self) -> str:
        """The text without blanks, hyphens and underscores."""
        return squash(self.text)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words of the text."""
        return tuple(split_words(self.text))


def clean(raw: str | None) -> Value:
    """Return a value of a utm field or source, cleaned.

    A missing value has an empty text, and so has an e-mail address, which is personal data and names no channel.
    """
    if not raw:
        return Value()
    repairs: set[str] = set()
    text = raw
    for _ in range(DECODED_TIMES):
        decoded = unquote(text) if "%" in text and not PLACEHOLDER.fullmatch(text.strip().lower()) else text
        if decoded == text:
            break
        repairs.add(ENCODED)
        text = decoded
    if "+" in text:
        text = text.replace("+", " ")
    text = text.strip().lower()
    if text in MISSING or ADDRESS.match(text):
        return Value(repairs=frozenset(repairs))
    filled = PLACEHOLDER.sub("", text)
    if filled != text:
        repairs.add(PLACEHOLDERS)
        text = filled.strip()
    url = URL.match(text)
    if url:
        host = (url[1] or url[3] or "").strip(".")
        return Value(text, host, (url[2] or url[4] or ""), frozenset(repairs))
    kept = JUNK.sub("", text)
    junk = text[len(kept) :]
    trimmed = kept.strip(EDGES) if kept.strip(EDGES) else ""
    if junk or len(trimmed) < len(kept.strip(" .!/")):
        repairs.add(TRAILING_JUNK)
    if trimmed in MISSING:
        return Value(repairs=frozenset(repairs), junk=junk)
    domain = DOMAIN.match(trimmed)
    if domain:
        return Value(trimmed, domain[1], domain[2] or "", frozenset(repairs), junk)
    return Value(trimmed, repairs=frozenset(repairs), junk=junk)


def is_local(host: str) -> bool:
    """Return whether a host is a machine of one's own network."""
    return bool(LOCAL.match(host))

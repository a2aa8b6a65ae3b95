"""Puts the reasons of recommendations that no rule gives into words, from the catalogue, and numbers them.

Which reason an item gets is left to `reasons`; a rule's own words are in the policy.
"""

from __future__ import annotations

import pyarrow as pa

from acquisition_assets.content_recommendations.contract import PERSONAL, POPULAR, ROOM
from acquisition_assets.content_recommendations.policy import RULES, RecommendationPolicy
from acquisition_assets.core.policy import Locale
from acquisition_assets.core.words import words_of

LIKE_YOU, EVERYBODY, NEW, UNKNOWN, COMPLETED, READ = "like_you", "everybody", "new", "unknown", "completed", "read"
WINDOWS = 3
WINDOWED = tuple((name, one, window) for name in (LIKE_YOU, EVERYBODY) for window in range(WINDOWS) for one in (0, 1))
PLAIN = (NEW, UNKNOWN, COMPLETED, READ)
RULE = "rule"
_KEYS: tuple[tuple[str, int, int], ...] = (
    *((RULE, place, 0) for place in range(len(RULES))),
    *WINDOWED,
    *((name, 0, 0) for name in PLAIN),
)
NUMBERS = {key: number for number, key in enumerate(_KEYS)}
"""The number of each reason: (RULE, place of the rule, 0), (name, 1 for a single lead, window), or (name, 0, 0)."""


def words_table(rules: RecommendationPolicy, reader_days: list[int], locale: Locale) -> pa.Table:
    """Return one row per reason: its number, the rule of its rows, and words with {leads} and {title} to fill in."""
    rows = []
    for (name, which, window), number in NUMBERS.items():
        if name == RULE:
            rows.append((number, str(RULES[which]), rules.document_items[RULES[which]].reason))
            continue
        words = words_of(ROOM, locale).template(f"reason.{name}", 1 if which else None)
        rule = PERSONAL if name in (COMPLETED, READ) else POPULAR
        rows.append((number, rule, words.replace("{days}", str(reader_days[window]))))
    columns = list(zip(*rows, strict=True))
    return pa.table(
        {
            "reason_number": pa.array(columns[0], pa.int64()),
            "rule": pa.array(columns[1], pa.string()),
            "words": pa.array(columns[2], pa.string()),
        }
    )

"""Compares the words of cells with those that the policy knows, and stores them in its spelling.

Does not hold the words (see `inputs.vocabulary`).
"""

from __future__ import annotations

from collections.abc import Mapping

from acquisition_assets.core.duckdb_sql import literal
from acquisition_assets.inputs.cells import BLANK

_SEPARATORS = "".join(rf"\x{{{ord(character):x}}}" for character in BLANK) + "_/-"
MACROS = (
    # A word as it is compared: each run of blanks, hyphens, underscores and slashes as one.
    f"create macro word_key(x) as regexp_replace(x, '[{_SEPARATORS}]+', '_', 'g')",
    # A text that may be shown to people: a time, a number or a few words; of others only how long they are.
    "create macro looks_like_a_time(x) as regexp_full_match(x, "
    r"'\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}[\dTZAPMapm:.,+ -]{0,24}')",
    "create macro shown_value(x) as case when x is null then '' "
    r"when length(trimmed(x)) <= 40 and (looks_like_a_time(trimmed(x)) or regexp_full_match(trimmed(x), "
    r"'[+-]?[\d.,]{1,12}|\p{L}[\p{L}\d ()&_/.+-]*')) then '''' || trimmed(x) || '''' "
    "else 'a text of ' || length(x) || ' characters' end",
)


def spelled(word: str, meanings: Mapping[str, str]) -> str:
    """Return the SQL of a trimmed, lower-cased word as it is stored.

    Args:
        word: the SQL of the word.
        meanings: what a word is stored as, by `word_key`; other words stay as they are.
    """
    if not meanings:
        return word
    keys, values = (f"[{', '.join(map(literal, texts))}]" for texts in (meanings.keys(), meanings.values()))
    found = f"coalesce(map({keys}, {values})[word_key({word})], {word})"
    themselves = [meaning for meaning in dict.fromkeys(meanings.values()) if meanings.get(meaning) == meaning]
    if not themselves:
        return found
    # Most cells are spelled so already: they are compared with few words, and keep a column's dictionary.
    return f"case when {word} in ({', '.join(map(literal, themselves))}) then {word} else {found} end"

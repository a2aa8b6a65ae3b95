"""Formats values for people: cells of tables, and the values that explain a rule.

Masking is left to `masking`, and the sentences themselves to the products.
"""

from __future__ import annotations

import datetime as dt

from acquisition_assets.core.masking import sanitize

EXPLAINED_DECIMALS = 4


def format_cell(value: object) -> str:
    """Return a cell for people: thousands marked, at most 2 decimals, a dash for a missing value."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return sanitize(value)


def is_about(value: float) -> bool:
    """Return whether a value looks round only because its last decimals are left out."""
    rounded = round(value, EXPLAINED_DECIMALS)
    return rounded == round(value, EXPLAINED_DECIMALS - 1) and rounded != value


def format_value(value: object) -> str:
    """Return a value in an explanation. One that only looks round is "about" that, as it may miss a threshold."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        rounded = f"{round(value, EXPLAINED_DECIMALS):.10g}"
        return f"about {rounded}" if is_about(value) else rounded
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def format_known(text: str, value: object, unknown: str) -> str:
    """Return a text with a value in it, or the text for a missing value."""
    return unknown if value is None else text.format(format_value(value))

"""Finds and reads the SQL files, in a checkout and in an installed wheel.

Running them is left to the engines.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


@cache
def sql_folder() -> Path:
    """The folder `sql/`: inside the installed package, or beside it in a checkout."""
    inside = PACKAGE / "sql"
    return inside if inside.is_dir() else PACKAGE.parent / "sql"


@cache
def read_sql(name: str) -> str:
    """The text of one SQL file, named by its path below `sql/` without ending, such as `anomalies/recomputed`."""
    return (sql_folder() / f"{name}.sql").read_text(encoding="utf-8")

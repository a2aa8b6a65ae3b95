"""Finds and reads the SQL files, in a checkout or in an installed wheel.

Running them is left to the engines.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


@cache
def sql_folder() -> Path:
    """Return the folder `sql/`: inside the installed package, or next to it in a checkout."""
    inside = PACKAGE / "sql"
    return inside if inside.is_dir() else PACKAGE.parent / "sql"


@cache
def read_sql(name: str) -> str:
    """Return the text of an SQL file, named by its path below `sql/` without `.sql`, such as `anomalies/recomputed`."""
    return (sql_folder() / f"{name}.sql").read_text(encoding="utf-8")

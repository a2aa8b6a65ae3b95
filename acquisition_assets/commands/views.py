"""Implements `acquisition views`: writes `lake.duckdb` into the lake, for a lake that was moved or never had one.

What the views are is left to `core.views`; runs write the file themselves.
"""

from __future__ import annotations

from acquisition_assets.catalog import TABLES
from acquisition_assets.commands.console import console, line, warn
from acquisition_assets.commands.deployment import open_lake, read_settings
from acquisition_assets.core.errors import ExitCode, InputError
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.views import FILE, Written, write_views


def views_command(**options: str | None) -> int:
    """Write the views of a lake and print where. Return the exit code.

    Raises:
        InputError: The lake is in an object store, or has no tables.
        LakeError: The file cannot be written.
    """
    lake = open_lake(read_settings(**options))
    if not lake.is_local:
        raise InputError(f"{FILE} is written only into lakes that are folders, and {lake.url} is not one")
    if not any(lake.days(contract.table) for contract in TABLES):
        raise InputError(f"the lake {lake.url} has no tables; name another one with --lake, or run: acquisition run")
    written = refresh_views(lake)
    line(console(), f"{written.path}: {written.views} views of {len(TABLES)} tables")
    return ExitCode.DONE.value


def refresh_views(lake: Lake) -> Written:
    """Write the views of a lake that is a folder; a table that cannot be read is reported on stderr.

    Raises:
        LakeError: The file cannot be written.
    """
    written = write_views(lake, TABLES)
    if written.unreadable:
        warn(f"no views of {', '.join(written.unreadable)}: a partition cannot be read; see acquisition validate")
    return written

"""Finds layouts: those shipped with the package, those of a folder and those that a person names, and what each takes.

Does not read the records of files (see `layouts.records`).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.core.errors import InputError, did_you_mean
from acquisition_assets.core.policy import explain_validation, read_yaml
from acquisition_assets.sources.layouts.grammar import Layout
from acquisition_assets.sources.layouts.records import Export
from acquisition_assets.sources.layouts.times import is_readable

SHIPPED = Path(__file__).parent
FILE = "layout.yaml"
OWN_FILES = (FILE, "*.layout.yaml")
"""What a team's own layouts are called in the folder of its exports."""
LARGEST = 1 << 20
"""Bytes of a layout file."""


class AmbiguousError(InputError):
    """A file that two layouts recognise."""


@dataclass(frozen=True)
class Nearest:
    """The layout that a file comes closest to, and the columns that the file lacks."""

    layout: Layout
    lacking: tuple[str, ...]


@cache
def shipped() -> tuple[Layout, ...]:
    """Return the shipped layouts, in the order of their names."""
    return tuple(read_layout(path) for path in sorted(SHIPPED.glob("*.yaml")))


def read_layout(path: Path) -> Layout:
    """Return the layout in a file.

    Raises:
        InputError: with the place, and what is allowed there.
    """
    if path.is_file() and path.stat().st_size > LARGEST:
        raise InputError(f"layout file {path} is larger than {LARGEST >> 20} MB; a layout is a short text")
    values = read_yaml(path, "layout", "--layout")
    try:
        layout = Layout.model_validate(values)
    except ValidationError as error:
        raise InputError(f"layout file {path}: {explain_validation(error, Layout)}") from None
    except RecursionError:
        raise InputError(f"layout file {path}: nested too deeply") from None
    patterns = [
        (f"tables.{table}.columns.{column}.time", time)
        for table, mappings in layout.tables.items()
        for mapping in mappings
        for column, value in mapping.values()
        for time in value.time or ()
        if "%" in time
    ]
    if patterns:
        with in_memory() as connection:
            for place, time in patterns:
                if not is_readable(connection, time):
                    raise InputError(f"layout file {path}: {place}: {time!r} is no pattern of times")
    return layout


def named_layout(name: str) -> Layout:
    """Return the layout that a person names: a shipped one, or the one in a file.

    Raises:
        InputError: there is none.
    """
    known = {layout.name: layout for layout in shipped()}
    if name in known:
        return known[name]
    path = Path(name).expanduser()
    if path.suffix in (".yaml", ".yml") or path.is_file():
        return read_layout(path)
    meant = did_you_mean(name, known)
    raise InputError(f"there is no layout {name!r}{meant}; name a YAML file, or one of: {', '.join(known)}")


def folder_layouts(folder: Path) -> tuple[Layout, ...]:
    """Return the layouts that a team has put into the folder of its exports."""
    paths = sorted({path for pattern in OWN_FILES for path in folder.glob(pattern) if path.is_file()})
    return tuple(read_layout(path) for path in paths)


def matching(export: Export, layouts: Sequence[Layout]) -> list[Layout]:
    """Return the layouts that recognise a file."""
    return [layout for layout in layouts if layout.tables and _fits(export, layout) and not _lacking(export, layout)]


def choose(export: Export, tiers: Sequence[Sequence[Layout]]) -> Layout | None:
    """Return the layout of a file: of the first tier in which one recognises it.

    Raises:
        AmbiguousError: two of one tier recognise it.
    """
    for tier in tiers:
        found = matching(export, tier)
        if len(found) > 1:
            names = " and ".join(layout.name for layout in found)
            raise AmbiguousError(
                f"{export.path} is recognised by the layouts {names}; choose one with --layout {found[0].name}"
            )
        if found:
            return found[0]
    return None


def unusable(export: Export, tiers: Sequence[Sequence[Layout]]) -> str | None:
    """Return what an export is and what to export instead, where a layout knows that it cannot be used."""
    for layout in (layout for tier in tiers for layout in tier):
        for each in layout.unsupported:
            if all(export.has(layout, name) for name in each.recognised_by):
                return f"is {each.title}, which cannot be used; {each.instead}"
    return None


def nearest(export: Export, tiers: Sequence[Sequence[Layout]]) -> Nearest | None:
    """Return the layout that a file comes closest to, at least with half of its columns."""
    best: tuple[float, Nearest] | None = None
    for layout in (layout for tier in tiers for layout in tier):
        if not layout.recognised_by:
            continue
        lacking = _lacking(export, layout)
        share = 1 - len(lacking) / len(layout.recognised_by)
        if share >= 0.5 and (best is None or share > best[0]):
            best = (share, Nearest(layout, lacking))
    return best[1] if best else None


def _fits(export: Export, layout: Layout) -> bool:
    name = export.path.name.lower()
    return any(fnmatch.fnmatchcase(name, pattern.lower()) for pattern in layout.files)


def _lacking(export: Export, layout: Layout) -> tuple[str, ...]:
    return tuple(name for name in layout.recognised_by if not export.has(layout, name))

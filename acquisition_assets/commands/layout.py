"""Implements `acquisition layout`: lists the shipped layouts, and drafts one for each file that no layout knows.

What a draft says is left to `sources.layouts.draft`.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from acquisition_assets.commands.console import console, line, table
from acquisition_assets.commands.deployment import read_settings
from acquisition_assets.core.errors import InputError
from acquisition_assets.sources.choose import choose_source
from acquisition_assets.sources.files import FileSource
from acquisition_assets.sources.layouts.draft import draft, layout_name
from acquisition_assets.sources.layouts.library import FILE, shipped
from acquisition_assets.sources.layouts.records import Export


def layout_command(*, listed: bool, write: bool, **options: str | None) -> int:
    """List the shipped layouts, or draft layouts for the files of a folder that no layout knows; return the exit code.

    Raises:
        InputError: the source is no folder, or a file of a layout is there already.
    """
    out = console()
    if listed:
        _list(out)
        return 0
    settings = read_settings(**options)
    source = choose_source(settings)
    if not isinstance(source, FileSource):
        raise InputError(
            "layouts are for folders of exports; name one with --source DIR, or see: acquisition layout --list"
        )
    exports = source.exports()
    for claim in exports.claims:
        line(out, f"{claim.export.path.name}: read by the layout {claim.layout.name} ({claim.layout.title})")
    if not exports.unclaimed:
        line(out, "every export in the folder has a layout" if exports.claims else "there is no export in the folder")
        return 0
    drafts = {each.export: draft(each.export) for each in exports.unclaimed}
    if write:
        for export, text in drafts.items():
            _write(source.folder, export, text, is_only=len(drafts) == 1, out=out)
        return 0
    for text in drafts.values():
        out.print(text, end="\n", soft_wrap=True)
    return 0


def _list(out: Console) -> None:
    rows = [[layout.name, layout.title, ", ".join(layout.tables)] for layout in shipped()]
    table(out, ["layout", "reads", "gives"], rows)


def _write(folder: Path, export: Export, text: str, *, is_only: bool, out: Console) -> None:
    path = folder / (FILE if is_only else f"{layout_name(export.path.name)}.layout.yaml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{path} is there already; move it away, or leave out --write to see the draft") from None
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); leave out --write to see the draft") from None
    line(out, f"wrote {path}; look at each line that says check, then run: acquisition validate --source {folder}")

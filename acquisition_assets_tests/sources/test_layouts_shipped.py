"""Protects the shipped layouts: each turns its export into exactly the cells that are expected, and claims no other."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from acquisition_assets.sources.layouts.library import read_layout, shipped
from acquisition_assets_tests.sources.layouts_reading import read

EXPORTS = Path(__file__).resolve().parents[1] / "data" / "layouts"
LAYOUTS = {layout.name: layout for layout in shipped()}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_cell_of_an_export(name: str) -> None:
    found = read(EXPORTS / name, tuple(LAYOUTS.values()))
    assert set(found.layouts) == {name}, "another layout, or none, recognises the export"
    assert found.rows == json.loads((EXPORTS / name / "expected.json").read_text(encoding="utf-8"))
    assert not any(found.rejects.values())


@pytest.mark.parametrize("name", ["hubspot-contacts/hubspot-export.csv", "google-ads-spend/stream.json"])
def test_packed_exports_are_read_as_the_others(tmp_path: Path, name: str) -> None:
    path = EXPORTS / name
    (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    expected = json.loads((path.parent / "expected.json").read_text(encoding="utf-8"))
    assert read(tmp_path, tuple(LAYOUTS.values())).rows == expected


def test_every_layout_names_its_documentation_and_has_an_export() -> None:
    assert all(layout.documentation for layout in LAYOUTS.values())
    assert {path.name for path in EXPORTS.iterdir() if path.is_dir()} == set(LAYOUTS)


def test_the_layouts_in_the_documentation_are_layouts(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "layouts.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        (tmp_path / "layout.yaml").write_text(block, encoding="utf-8")
        assert read_layout(tmp_path / "layout.yaml").name.startswith("our")

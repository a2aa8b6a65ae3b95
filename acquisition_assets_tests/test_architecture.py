"""Protects the shape of the code: who imports whom, that nothing happens at import, and how modules open."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acquisition_assets import catalog

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "acquisition_assets"
NAME = "acquisition_assets"
PRODUCTS = frozenset(product.name for product in catalog.PRODUCTS) - {"raw", "features", "rule_evidence"}
"""The rooms of products; the evidence for rules is made in the room of the forecasts, from the same outcomes."""
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"core"}),
    frozenset({"inputs"}),
    frozenset({"sources", "criteria", "channels", "raw"}),
    frozenset({"features"}),
    PRODUCTS,
    frozenset({"policy"}),
    frozenset({"catalog"}),
    frozenset({"automation", "destinations"}),
    frozenset({"definitions"}),
    frozenset({"commands"}),
    frozenset({"cli"}),
)
"""The rooms of the package; each imports only rooms of the layers before it."""
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
DAGSTER_INTERNALS = {"automation/alerts.py", "automation/jobs.py"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imported(path: Path) -> Iterator[str]:
    """Return the modules that a module imports anywhere, below the package's name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{named(path)}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def ours(path: Path) -> set[str]:
    """Return the modules of the package that a module imports, without the package's name."""
    found = {name.removeprefix(f"{NAME}.") for name in imported(path) if name.startswith(f"{NAME}.")}
    return {name for name in found if (PACKAGE / name.replace(".", "/")).with_suffix(".py").is_file()}


def room(module: str) -> str:
    """Return the room of a module: its top folder, or the module itself."""
    return module.partition(".")[0]


def room_of(path: Path) -> str:
    return room(named(path)[:-3].replace("/", "."))


@pytest.mark.parametrize(
    "path", [path for path in modules() if room(named(path)[:-3].replace("/", ".")) in LEVEL], ids=named
)
def test_imports_go_one_way(path: Path) -> None:
    """A room imports only rooms of earlier layers; of each other, products know only the contracts."""
    here = room_of(path)
    for name in ours(path):
        there = room(name)
        is_contract = here in PRODUCTS and there in PRODUCTS and name.endswith(".contract")
        assert there == here or LEVEL[there] < LEVEL[here] or is_contract, f"{named(path)} imports {name}"


def test_every_room_has_a_layer() -> None:
    rooms = {room_of(path) for path in modules()} - {"__init__", "__main__"}
    assert rooms == set(LEVEL)


def test_a_product_imports_only_products_before_it() -> None:
    """The catalogue is in pipeline order: a product reads only tables of products before it."""
    order = [product.name for product in catalog.PRODUCTS]
    for path in modules():
        if room_of(path) in PRODUCTS:
            read = {room(name) for name in ours(path)} & PRODUCTS
            assert all(order.index(there) <= order.index(room_of(path)) for there in read), named(path)


def test_dagster_internals_are_used_only_in_modules_with_a_test() -> None:
    users = {named(path) for path in modules() if any(name.startswith("dagster._") for name in imported(path))}
    assert users == DAGSTER_INTERNALS


@pytest.mark.parametrize("path", [path for path in modules() if path.read_text(encoding="utf-8").strip()], ids=named)
def test_a_module_says_what_belongs_in_it(path: Path) -> None:
    paragraph = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")
    assert len(paragraph) >= 2, "a charter says what the module does, then what it leaves to others"
    assert paragraph[0].endswith("."), paragraph[0]
    assert not paragraph[0].startswith("Here: "), paragraph[0]


IMPORTABLE = [
    f"{NAME}.{named(path)[:-3].replace('/', '.')}" for path in modules() if path.stem not in ("__init__", "__main__")
]
WATCH = f"""
import os, sys
reads, writes, connects = [], [], []
ours = {str(PACKAGE)!r}

def audit(event, given):
    if event == "socket.connect" or event == "sqlite3.connect":
        connects.append(event)
    if event == "open":
        name, mode = str(given[0]), given[1] or ""
        if any(letter in mode for letter in "wax+"):
            writes.append(name)
        elif name.endswith((".yaml", ".sql", ".csv", ".parquet")) and ours in name:
            reads.append(name)

sys.addaudithook(audit)
get = type(os.environ).__getitem__
def watched(self, name):
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith("<frozen") or frame.f_code.co_filename.endswith(("os.py", "abc.py")):
        frame = frame.f_back
    if ours in frame.f_code.co_filename and str(name).startswith("ACQUISITION_"):  # libraries copy everything
        reads.append(str(name))
    return get(self, name)
type(os.environ).__getitem__ = watched
import importlib
for name in {IMPORTABLE!r}:
    importlib.import_module(name)
print(reads, writes, connects)
"""


def test_nothing_happens_at_import(tmp_path: Path) -> None:
    """Our code opens no files, reads no settings, and connects to nothing."""
    environment = {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
        "HOME": str(tmp_path),
        "ACQUISITION_SOURCE": "nowhere",
    }
    imported_all = subprocess.run(
        [sys.executable, "-c", WATCH], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert imported_all.returncode == 0, imported_all.stderr
    assert imported_all.stdout == "[] [] []\n"
    assert list(tmp_path.iterdir()) == []

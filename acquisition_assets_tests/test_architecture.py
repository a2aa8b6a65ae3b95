"""Here: who imports whom, that nothing happens at import, and that every module says what belongs in it.

Not here: what the modules do.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "acquisition_assets"
NAME = "acquisition_assets"
PRODUCTS = (
    "dynamic_scores",
    "behavior_predictions",
    "content_recommendations",
    "lead_segments",
    "anomalies",
    "social_performance",
)
LAYERS = ("raw", "features", *PRODUCTS)
ALLOWED = {
    ("anomalies", "features.policy"): "its windows are those of the metrics",
    ("features", "raw.policy"): "its contract has the words of the statuses",
}
"""What a product takes of another layer besides contracts, and why."""
DAGSTER_INTERNALS = {"automation/alerts.py", "automation/jobs.py"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imported(path: Path) -> Iterator[str]:
    """The modules that a module imports anywhere, below the package's name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{named(path)}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def ours(path: Path) -> set[str]:
    """The modules of the package that a module imports, without the package's name."""
    found = {name.removeprefix(f"{NAME}.") for name in imported(path) if name.startswith(f"{NAME}.")}
    return {name for name in found if (PACKAGE / name.replace(".", "/")).with_suffix(".py").is_file()}


def test_core_imports_no_product() -> None:
    for path in (PACKAGE / "core").rglob("*.py"):
        assert all(name.startswith("core.") for name in ours(path)), named(path)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_product_imports_core_and_contracts_of_others_only(layer: str) -> None:
    for path in (PACKAGE / layer).rglob("*.py"):
        for name in ours(path):
            top, _, rest = name.partition(".")
            if top in ("core", layer, "sources") or rest == "contract":
                assert top != "sources" or layer == "raw", f"{named(path)} imports {name}"
            else:
                assert (layer, name) in ALLOWED, f"{named(path)} imports {name}"


def test_no_exception_is_left_over() -> None:
    used = {(layer, name) for layer in LAYERS for path in (PACKAGE / layer).rglob("*.py") for name in ours(path)}
    assert ALLOWED.keys() <= used


def test_the_automation_knows_no_product() -> None:
    for path in (PACKAGE / "automation").rglob("*.py"):
        assert {name.split(".")[0] for name in ours(path)} <= {"core", "automation", "sources"}, named(path)


def test_what_is_not_public_of_dagster_is_used_where_a_test_pins_it() -> None:
    users = {named(path) for path in modules() if any(name.startswith("dagster._") for name in imported(path))}
    assert users == DAGSTER_INTERNALS


@pytest.mark.parametrize("path", [path for path in modules() if path.read_text(encoding="utf-8").strip()], ids=named)
def test_a_module_says_what_belongs_in_it(path: Path) -> None:
    told = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")
    assert told[0].startswith("Here: "), told[0]
    assert any(line.startswith("Not here: ") for line in told)


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
    """No file of ours is read, none is written, our code reads no setting, and nothing is connected to."""
    environment = {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
        "HOME": str(tmp_path),
        "ACQUISITION_SOURCE": "nowhere",
    }
    told = subprocess.run(
        [sys.executable, "-c", WATCH], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout == "[] [] []\n"
    assert list(tmp_path.iterdir()) == []

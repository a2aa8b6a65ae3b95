"""Protects the guides for developers: paths and targets exist, hooks match `make check`, refused words are found.

The documentation for users is tested in test_docs.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from acquisition_assets_tests.conftest import HERE, SLOW
from scripts.language import GLOSSARY, findings, refused_words

ROOT = HERE.parent
GUIDE = ROOT / "CONTRIBUTING.md"
TEXT = GUIDE.read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
QUOTED = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))
PATHS = sorted({text for text in QUOTED if re.fullmatch(r"[\w.<>*/-]+/[\w.<>*-]*|\w+\.(md|toml|yaml)", text)})


def recipe(target: str) -> list[str]:
    """Return the commands of a target of the Makefile, without the folder of the programs."""
    block = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert block, target
    return [line.strip().removeprefix("$(BIN)/") for line in block[1].splitlines()]


def test_the_checklists_name_paths() -> None:
    sections = re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]
    assert [section.splitlines()[0] for section in sections] == [
        "Add a product",
        "Add a source layout",
        "Add a source format",
        "Add a column",
        "Add a segment function",
        "Add a destination",
    ]
    assert all(any(f"`{path}`" in section for path in PATHS) for section in sections)


@pytest.mark.parametrize("path", PATHS)
def test_every_path_of_the_guide_exists(path: str) -> None:
    assert list(ROOT.glob(re.sub(r"<\w+>", "*", path.rstrip("/"))))


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http)([^)#]+)\)", TEXT))))
def test_every_link_of_the_guide_leads_somewhere(link: str) -> None:
    assert (ROOT / link).is_file()


@pytest.mark.parametrize(
    ("change", "most"),
    [("Add a product", 9), ("Add a column", 9), ("Add a destination", 2), ("Add a source layout", 2)],
)
def test_a_change_edits_few_files(change: str, most: int) -> None:
    """Each checklist ends with the files that it edits besides those of its own; more of them is a step back."""
    section = TEXT.split(f"### {change}\n")[1].split("\n#")[0]
    steps, edited = section.split("Edited files: ")
    files = re.findall(r"`([^`\s]+\.\w+)`", edited)
    files += ["a second query"] if "a second query" in edited else []
    assert 0 < len(set(files)) == len(files) <= most
    generated = {"docs/tables.md", "docs/configuration.md", "docs/layouts.md"}
    assert {file for file in files if file not in generated} <= {*re.findall(r"`([^`\s]+)`", steps), "a second query"}


def test_every_target_of_the_guide_exists() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)", "\n".join([*QUOTED, *re.findall(r"^make .*$", TEXT, re.MULTILINE)])))
    assert {"quick", "check", "newest"} <= named
    assert named <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def test_the_hooks_run_the_commands_of_make_check() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    assert [hook["entry"].removeprefix(".venv/bin/") for hook in hooks] == recipe("check")


@pytest.mark.parametrize("name", SLOW)
def test_slow_tests_are_in_the_documented_folders(name: str) -> None:
    assert (HERE / name).exists()


def test_functions_of_the_checklists_exist() -> None:
    source = (ROOT / "acquisition_assets/criteria/language.py").read_text(encoding="utf-8")
    destination = (ROOT / "acquisition_assets/destinations/asset.py").read_text(encoding="utf-8")
    choice = (ROOT / "acquisition_assets/destinations/choose.py").read_text(encoding="utf-8")
    assert re.search(r"^KINDS\b.* = ", choice, re.MULTILINE)
    assert re.search(r"^FUNCTIONS = ", source, re.MULTILINE)
    assert re.search(r"^_FUNCTION_NODES\b.* = ", source, re.MULTILINE)
    assert re.search(r"^class Destination\(Protocol\):", destination, re.MULTILINE)


def test_the_glossary_has_each_word_once_in_order() -> None:
    table = GLOSSARY.read_text(encoding="utf-8").partition("## ")[0]
    words = re.findall(r"^\| ([a-z][^|]*?) \|", table, re.MULTILINE)[1:]
    assert words == sorted(set(words))


MODULE = '''"""Here it stands."""
# what is told
NAME = "anew"
"""Laid
over."""
'''


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("a/b.py", MODULE, [1, 2, 4]),
        ("a.md", "fine\nThe lead, of which\n", [2]),
        ("a.sql", "select told -- anew\n", [1]),
        ("Makefile", "told:  ## thereof\n", [1]),
    ],
)
def test_refused_words_are_found_in_prose_alone(name: str, text: str, lines: list[int]) -> None:
    refused = refused_words(GLOSSARY.read_text(encoding="utf-8")) | {"laid": "put"}
    found = findings(name, text, refused)
    assert [int(finding.split(":")[1]) for finding in found] == lines
    assert all(finding.startswith(f"{name}:") and "; write: " in finding for finding in found)


def test_every_refused_word_has_a_replacement() -> None:
    refused = refused_words(GLOSSARY.read_text(encoding="utf-8"))
    assert {"told", "anew", "stands", "laid over", "of which"} <= refused.keys()
    assert all(refused.values())


def test_the_version_is_written_once() -> None:
    version = re.search(
        r'^__version__ = "(\d+\.\d+\.\d+)"$', Path(ROOT / "acquisition_assets/__init__.py").read_text(), re.M
    )
    assert version
    assert f'"{version[1]}"' not in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"## {version[1]}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

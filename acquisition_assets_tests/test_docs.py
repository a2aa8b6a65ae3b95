"""Protects the documentation: generated pages, links, commands, options, variables and printed output are true."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from acquisition_assets.catalog import DELIVERED
from acquisition_assets.cli import app
from acquisition_assets.core.settings import OTHER_PREFIXES, Settings
from acquisition_assets.policy import SHIPPED, read_policy
from acquisition_assets.raw.contract import QUARANTINE, RAW
from scripts.docs import FOLDER, PAGES

ROOT = FOLDER.parent
README = ROOT / "README.md"
DOCUMENTS = [README, *sorted(FOLDER.rglob("*.md"))]
DOCUMENT = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
PROGRAM = ".venv/bin/acquisition "


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def blocks(document: Path, language: str) -> list[str]:
    """Return the blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(document), re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """Return the link targets of a document."""
    titles = re.findall(r"^#+ (.+)$", text_of(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def call(command: str) -> str:
    """Return what a command of the documentation prints."""
    result = CliRunner().invoke(app, shlex.split(command.removeprefix(PROGRAM)))
    assert result.exit_code == 0, result.output
    return str(result.stdout)


ENGLISH = "echo 'locale: en' > english.yaml\nexport ACQUISITION_POLICY=english.yaml\n"


def choose_english(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Choose the language of the documentation's examples, as the README says."""
    assert any(block.startswith(ENGLISH) for block in blocks(README, "console"))
    (folder / "english.yaml").write_text("locale: en\n", encoding="utf-8")
    monkeypatch.setenv("ACQUISITION_POLICY", str(folder / "english.yaml"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty working folder, without settings."""
    for name in [name for name in os.environ if name.startswith(("ACQUISITION_", "DAGSTER_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what `make run` leaves: a folder with lake/sample."""
    folder = tmp_path_factory.mktemp("checkout")
    call(f"run --source sample --lake {folder / 'lake' / 'sample'}")
    return folder


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_up_to_date(name: str) -> None:
    assert text_of(FOLDER / name) == PAGES[name](), "run: make docs"


def test_every_table_is_described() -> None:
    page = PAGES["tables.md"]()
    for contract in (*RAW.values(), QUARANTINE, *DELIVERED):
        assert f"### {contract.table}\n" in page
        assert all(f"\n| {name} |" in page for name in contract.columns)


def test_every_setting_is_described() -> None:
    page = PAGES["configuration.md"]()
    assert all(f"`ACQUISITION_{name.upper()}`" in page for name in Settings.model_fields)


@DOCUMENT
def test_links_resolve(document: Path) -> None:
    outside_code = re.sub(r"^```.*?^```$", "", text_of(document), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", outside_code):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_document_is_linked_from_the_readme() -> None:
    found, waiting = {README}, [README]
    while waiting:
        document = waiting.pop()
        for link in re.findall(r"\]\(([^)\s#]+\.md)", text_of(document)):
            target = (document.parent / link).resolve()
            if target not in found and target.exists():
                found.add(target)
                waiting.append(target)
    assert set(DOCUMENTS) <= found


@DOCUMENT
def test_variables_are_settings(document: Path) -> None:
    known = {f"ACQUISITION_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"\bACQUISITION_[A-Z_]+\b", text_of(document)))
    assert {name for name in named - known if not name.startswith(OTHER_PREFIXES)} == set()


@DOCUMENT
def test_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    commands = re.findall(r"(?:^|`)make ([a-z-]+)", text_of(document), re.MULTILINE)
    assert set(commands) <= targets


@DOCUMENT
def test_commands_and_their_options_exist(document: Path) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for line in re.findall(r"(?:^|[`/ ])acquisition ((?:run|ui|validate|explain)\b[^`\n]*)", text_of(document)):
        name, *rest = line.split()
        known = {option for parameter in commands[name].params for option in parameter.opts} | {"--help"}
        named = {re.split(r"[^a-z-]", word)[0] for word in rest if word.startswith("--")}
        assert named <= known, line


def test_the_example_policy_is_valid(here: Path) -> None:
    example, shipped = blocks(FOLDER / "configuration.md", "yaml")
    (here / "policy.yaml").write_text(example, encoding="utf-8")
    assert "all is well" in call("validate --lake lake --policy policy.yaml")
    policy = read_policy(here / "policy.yaml")
    assert policy.dynamic_scores.referral_points == 3.0
    assert "warm_linkedin" in policy.segments
    assert "at_risk" not in policy.segments
    assert shipped == text_of(SHIPPED)


def test_the_data_in_the_readme_runs(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choose_english(here, monkeypatch)
    names = re.findall(r"`(my-data/\w+\.csv)`:\n", text_of(README))
    tables = blocks(README, "csv")
    assert len(names) == len(tables) == 2
    for name, table in zip(names, tables, strict=True):
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_text(table, encoding="utf-8")
    commands = [line for block in blocks(README, "console") for line in block.splitlines() if line.startswith(PROGRAM)]
    assert [command.split()[1] for command in commands] == ["validate", "run", "run", "explain"]
    printed = [call(command) for command in commands]
    assert "all is well" in printed[0]
    assert "2025-09-29 to 2025-09-30: done" in printed[2]
    assert printed[3].startswith("Lead L-1 on 2025-09-30\n")


PYTHON = [(document, code) for document in DOCUMENTS for code in blocks(document, "python")]


@pytest.mark.parametrize(("document", "code"), PYTHON, ids=[f"{d.name}-{n}" for n, (d, _) in enumerate(PYTHON)])
def test_python_examples_run_on_the_sample(sample: Path, document: Path, code: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=sample, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    if document == README:
        assert all(word in result.stdout for word in ("engagement_drop", "likely_to_convert", "linkedin"))


SHOWN = [(document, block) for document in DOCUMENTS for block in blocks(document, "console") if block.startswith("$ ")]


@pytest.mark.parametrize(("document", "block"), SHOWN, ids=[f"{d.name}-{b.splitlines()[0][-11:]}" for d, b in SHOWN])
def test_example_output_is_what_is_printed(
    sample: Path, monkeypatch: pytest.MonkeyPatch, document: Path, block: str
) -> None:
    monkeypatch.chdir(sample)
    choose_english(sample, monkeypatch)
    command, *printed_lines = block.splitlines()
    printed = iter(map(str.rstrip, call(command.removeprefix("$ ")).splitlines()))
    for line in printed_lines:
        if line.strip() and line.strip() != "..." and set(line.strip()) != {"─"}:
            assert line in printed, line  # in this order


def test_the_documentation_has_example_output() -> None:
    assert len(SHOWN) >= 2


def test_third_party_data_names_its_licence() -> None:
    data = ROOT / "acquisition_assets_tests" / "data"
    for folder in (path for path in data.iterdir() if path.is_dir()):
        readme = text_of(folder / "README.md")
        assert re.search(r"licen[cs]e", readme, re.IGNORECASE)
        files = {path.name for path in folder.iterdir()} - {"README.md"}
        assert {name for name in files if name not in readme} == set(), folder.name

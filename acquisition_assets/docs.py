"""Here: the generated documentation: docs/tables.md from the contracts, docs/configuration.md from the settings.

Not here: the documentation that people write.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from acquisition_assets.core.contracts import Contract, describe_checks
from acquisition_assets.core.settings import PREFIX, Settings
from acquisition_assets.policy import SHIPPED
from acquisition_assets.publish.tables import PUBLISHED
from acquisition_assets.raw.contract import QUARANTINE, RAW
from acquisition_assets.raw.inputs import INPUTS, InputTable

FOLDER = Path(__file__).resolve().parents[1] / "docs"
GENERATED = "<!-- made by `make docs`; do not edit -->"


def tables_page() -> str:
    """Every input table and every table of the lake, column by column."""
    lines = ["# Tables", GENERATED, "", "## What a source delivers", ""]
    for table in INPUTS.values():
        lines += _input(table)
    lines += [
        "## What the lake holds",
        "",
        "`<table>/date=YYYY-MM-DD/data.parquet`; times are UTC, in microseconds.",
        "",
    ]
    for contract in (*RAW.values(), QUARANTINE, *PUBLISHED):
        lines += _contract(contract)
    return "\n".join(lines).rstrip() + "\n"


def _input(table: InputTable) -> list[str]:
    lines = [f"### {table.name}", "", "| column | read as | required | allowed |", "| --- | --- | --- | --- |"]
    for column in table.columns:
        allowed = [", ".join(column.words)] if column.words else []
        if column.at_least is not None:
            allowed.append(f">= {column.at_least:g}")
        if column.default is not None:
            allowed.append(f"missing is {column.default.strip(chr(39))}")
        lines.append(f"| {column.name} | {column.cell.value} | {_yes(column.required)} | {'; '.join(allowed)} |")
    return [*lines, ""]


def _contract(contract: Contract) -> list[str]:
    lines = [f"### {contract.table}", "", f"{contract.grain} Key: {', '.join(contract.key) or 'none'}.", ""]
    lines += ["| column | type | unit | may be missing | allowed | meaning |", "| --- | --- | --- | --- | --- | --- |"]
    for name, spec in contract.columns.items():
        cells = (
            name,
            contract.kind(name).value,
            contract.unit(name) or "",
            _yes(bool(spec.nullable)),
            "; ".join(describe_checks(spec)),
            str(spec.description),
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += ["", *(f"- {rule.name}: {rule.description}" for rule in contract.rules)]
    return [*lines, ""] if contract.rules else lines


def _yes(value: bool) -> str:
    return "yes" if value else ""


def configuration_page() -> str:
    """Every environment variable, and the shipped policy."""
    lines = ["# Configuration", GENERATED, "", "## Environment", ""]
    lines += ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") else f"`{field.default}`"
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    lines += [
        "",
        "The options of `acquisition run` win over the environment. Connection strings with a password belong in the",
        "environment, never in a file of the project; they are never printed.",
        "",
        "## Policy",
        "",
        "Every number of the rules stands in one file. A file of your own, named by `ACQUISITION_POLICY` or `--policy`",
        "holds only what it changes; a key set to null is removed. A wrong key, type or order of thresholds is refused",
        "with its place. This is the shipped file:",
        "",
        "```yaml",
        SHIPPED.read_text(encoding="utf-8").rstrip(),
        "```",
    ]
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {"tables.md": tables_page, "configuration.md": configuration_page}


def main() -> int:
    """Write the pages, or with --check only compare them; the exit code is 1 where one is out of date."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = []
    for name, page in PAGES.items():
        path = FOLDER / name
        if check:
            stale += [] if path.is_file() and path.read_text(encoding="utf-8") == page() else [name]
        else:
            path.write_text(page(), encoding="utf-8")
    if stale:
        sys.stderr.write(f"docs out of date: {', '.join(stale)}; run: make docs\n")
    return int(bool(stale))


if __name__ == "__main__":
    raise SystemExit(main())

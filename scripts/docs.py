"""Writes the generated documentation: docs/tables.md from the contracts, docs/configuration.md from the settings.

All other pages are written by hand.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from pydantic_core import PydanticUndefined

from acquisition_assets.catalog import DELIVERED
from acquisition_assets.core.contracts import Contract, describe_checks
from acquisition_assets.core.settings import PREFIX, Settings
from acquisition_assets.criteria.language import FUNCTIONS
from acquisition_assets.inputs.tables import INPUTS, InputTable
from acquisition_assets.policy import SHIPPED
from acquisition_assets.raw.contract import QUARANTINE, RAW

FOLDER = Path(__file__).resolve().parents[1] / "docs"
GENERATED = "<!-- made by `make docs`; do not edit -->"

AFTER_SETTINGS = f"""
Options of the command `acquisition` override the environment. A variable `{PREFIX}...` that is not in this table has
no effect; the commands warn about it. Put connection strings with a password into the environment, never into a file
of the project. They are never printed.

## Policy

Every number of the rules is in one file. Your own file, named by `{PREFIX}POLICY` or `--policy`, contains only what
it changes: mappings are merged with the shipped ones key by key, values and lists are replaced, and a key set to null
is removed. For example:

```yaml
dynamic_scores:
  referral_points: 3.0
segments:
  at_risk: null                        # removed
  content_consumers:                   # its description stays
    criterion: completions_total >= 5
  warm_linkedin:                       # added
    description: LinkedIn leads who opened something recently
    criterion: platform = 'linkedin' and (opens_7d >= 1 or engagement_score >= 8) and not is_unsubscribed
```

A criterion is a condition with `and`, `or`, `not`, parentheses, comparisons, `between`, `in`, `like`, `ilike`, `is
null`, arithmetic operators and the functions {", ".join(f"`{name}`" for name in FUNCTIONS)}. It may name the
columns of [lead_activity](tables.md#lead_activity), `engagement_score` and `conversion_probability`; times are
written as `timestamp '2026-01-31 12:00:00'`.

`acquisition validate --policy FILE` checks a file. A wrong key, type, unit or order of thresholds is refused, with
its place and the allowed values. Numbers must be plain decimals (`010` and `1:30` are refused), and YAML anchors and
aliases are not supported. Table and column names and descriptions do not change with the policy; they state the
shipped numbers (`opens_7d`, "the last 7 days").

This is the shipped file:
"""


def tables_page() -> str:
    """Return the page of every input table and every table of the lake, column by column."""
    lines = ["# Tables", GENERATED, "", "## What a source delivers", ""]
    for table in INPUTS.values():
        lines += _input(table)
    lines += [
        "## What the lake holds",
        "",
        "`<table>/date=YYYY-MM-DD/data.parquet`; times are UTC, in microseconds.",
        "",
    ]
    for contract in (*RAW.values(), QUARANTINE, *DELIVERED):
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
    """Return the page of every environment variable and of the shipped policy."""
    lines = ["# Configuration", GENERATED, "", "## Environment", ""]
    lines += ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "", PydanticUndefined) else f"`{field.default}`"
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    lines += [
        "",
        *AFTER_SETTINGS.strip().splitlines(),
        "",
        "```yaml",
        SHIPPED.read_text(encoding="utf-8").rstrip(),
        "```",
    ]
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {"tables.md": tables_page, "configuration.md": configuration_page}


def main() -> int:
    """Write the pages, or only compare them with --check. Return 1 if a page is out of date, else 0."""
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

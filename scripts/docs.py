"""Writes the generated documentation: docs/tables.md, docs/configuration.md and docs/layouts.md.

They come from the contracts, the settings and the shipped layouts. All other pages are written by hand.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic_core import PydanticUndefined

from acquisition_assets.catalog import TABLES
from acquisition_assets.core.contracts import Contract, describe_checks
from acquisition_assets.core.settings import PREFIX, Settings
from acquisition_assets.criteria.language import FUNCTIONS
from acquisition_assets.inputs.tables import INPUTS, InputTable
from acquisition_assets.policy import SHIPPED
from acquisition_assets.raw.contract import STATE
from acquisition_assets.sources.layouts.grammar import Layout, Value
from acquisition_assets.sources.layouts.library import shipped

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
    description: {{es: Leads de LinkedIn que abrieron algo, en: LinkedIn leads who opened something}}
    criterion: platform = 'linkedin' and (opens_7d >= 1 or engagement_score >= 8) and not is_unsubscribed
```

A criterion is a condition with `and`, `or`, `not`, parentheses, comparisons, `between`, `in`, `like`, `ilike`, `is
null`, arithmetic operators and the functions {", ".join(f"`{name}`" for name in FUNCTIONS)}. It may name the
columns of [lead_activity](tables.md#lead_activity), `engagement_score`, `conversion_probability`,
`forecast_probability` and `priority`; times are written as `timestamp '2026-01-31 12:00:00'`.

`locale` chooses the language of everything that people read, `es` or `en`: messages, recommendations, incidents,
descriptions of segments, titles and reasons of the shipped items, the summary of a run, `acquisition explain`, the
brief and its numbers. Descriptions, titles and reasons of your own are one text for all languages, or one for each, as
above. Names of tables, columns and keys, errors, help and checks for engineers are English.

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
    for contract in (table for table in TABLES if table not in STATE):
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
    head = ("column", "type", "unit", "may be missing", "allowed", "meaning", "from")
    lines += [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for name, spec in contract.columns.items():
        cells = (
            name,
            contract.kind(name).value,
            contract.unit(name) or "",
            _yes(bool(spec.nullable)),
            "; ".join(describe_checks(spec)),
            str(spec.description),
            ", ".join(contract.lineage(name)),
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


BEFORE_LAYOUTS = """
A layout says how the files of an export become the input tables, so that a folder of untouched exports is a source:

```console
.venv/bin/acquisition validate --source my-exports
.venv/bin/acquisition run --source my-exports --lake my-lake
```

Shipped layouts recognise their files by the columns, whatever the files are called. Read are CSV (the delimiter is
found), `.xlsx`, JSON, and JSON lines, each of the text formats also as `.gz`, in the folder and in the folders
directly inside it. Of a workbook the first sheet is read, or the one that the layout names; titles above the names of
the columns are skipped. A file that already has a canonical name and columns (`leads.csv`) needs no layout, and wins
for its table. A layout may also say what the columns of a database mean: see [PostgreSQL](postgresql.md). `validate`
prints for each file its layout, the rows of each table, the first rows with personal data masked,
the times, the columns that nothing uses, and the files that no layout knows.

## Recipes

**A CRM and a mail tool.** Put both exports into one folder. Mail logs name their recipients by address; the lead is
looked up among the contacts. If several contacts share an address, the one that was created first gets the
activity, and the run notes how many addresses there are. Recipients who are no contacts go to quarantine as unknown
leads.

```text
my-exports/hubspot-contacts.csv    contacts, with their merged ids
my-exports/sendgrid/2025-09.jsonl  the event webhook's log
```

**What advertising costs.** Put the reports of Google Ads, Meta Ads and LinkedIn Ads, by day, into the same folder: they
become `spend`, from which costs per lead and `budget_advice` come. A row that covers several days goes to quarantine.

**A mail tool alone.** Say `create_leads: true` in a layout of your own: each address becomes a lead, created at its
first record.

**An export that no layout knows.** `acquisition layout --source my-exports --write` drafts `layout.yaml`. Look at
each line that says `check`, and run `validate`.

**A folder in another encoding or time zone.** A `layout.yaml` without tables speaks of the whole folder:

```yaml
name: ours
title: Exports of the sales team
encoding: windows-1252
timezone: Europe/Madrid
```

## A layout of your own

Put `layout.yaml`, or several files `*.layout.yaml`, into the folder, or name one with `--layout FILE` (may be given
several times) or `ACQUISITION_LAYOUT`. `--layout NAME` chooses a shipped one. Those that are named win over those
in the folder, and these over the shipped ones; two of equal rank that recognise the same file are refused.

```yaml
name: our-crm
title: Contacts of our CRM
timezone: Europe/Madrid            # of times without an offset; default: ACQUISITION_SOURCE_TIMEZONE
recognised_by: [Id, Stage, Created]
headers: {Stage: [Etapa, Phase]}   # other names of the same column
tables:
  leads:
    columns:
      lead_id: Id
      status:
        from: Stage
        words: {lead: new, customer: converted}
        otherwise: nurturing
      created_at: {from: Created, time: ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"]}
  events:                          # one row gives up to two events
    - when: {column: Sent, is: there}
      columns: {lead_id: Id, event_type: {constant: sent}, occurred_at: Sent}
    - when: {column: Opened, is: there}
      columns: {lead_id: Id, event_type: {constant: opened}, occurred_at: Opened}
```

| key | meaning |
| --- | --- |
| `files`, `recognised_by` | patterns of file names, and columns that must all be there |
| `unsupported` | exports that look alike and cannot be used, with what to export instead |
| `records` | `at`: the path of the records (`$.data.events`); `unwrap`: paths of envelopes; `sheet`: of a workbook |
| `encoding`, `decimal`, `timezone` | how text, numbers and times are written |
| `from` | a column or JSON path (`$.items[0].id`), or several: the first that is not missing counts |
| `constant`, `text` | a fixed text, or text with columns in braces such as `"{campaign}:{email}"` |
| `words`, `otherwise` | what each word means; other words stay as they are, or become `otherwise` |
| `time` | `iso`, `epoch_s`, `epoch_ms`, `excel`, or patterns of strptime: the first that fits counts |
| `split`, `strip_prefix` | one part of a cell, such as `{by: ";", take: 1}`; a prefix that is cut off |
| `divide_by` | how many of the export's units make one, such as `1000000` for amounts in micros |
| `when` | the records, or the value, that it holds for: `equals`, `in`, `is: there`, `is: missing`, `same_as` |
| `each`, `item` | a cell with several items gives a row for each |
| `lead` | `by: id` or `by: email`, `from` which column, and `create_leads` |

A column may have a list of values: the first that is not missing counts. If two patterns of a time differ only in
the order of day and month, the values decide; if all of them can be read both ways, the file is refused until you
choose one. A layout is data: nothing in it is run as code, and it reads no file outside the folder.

## Shipped layouts
"""


def layouts_page() -> str:
    """Return the page of layouts: how to use them, and what each shipped one reads."""
    lines = ["# Layouts", GENERATED, *BEFORE_LAYOUTS.rstrip().splitlines(), ""]
    for layout in shipped():
        lines += _layout(layout)
    return "\n".join(lines).rstrip() + "\n"


def _layout(layout: Layout) -> list[str]:
    pages = ", ".join(f"<{page}>" for page in layout.documentation or ())
    lines = [f"### {layout.name}", "", f"{layout.title}. Recognised by {_names(layout.recognised_by)}.", ""]
    lines += [f"Documentation of the export: {pages}", "", "| table | column | from |", "| --- | --- | --- |"]
    for table, mappings in layout.tables.items():
        for mapping in mappings:
            if mapping.lead:
                origin = _names(mapping.lead.columns) or "each item"
                lines.append(f"| {table} | the lead, by {mapping.lead.by} | {origin} |")
            for column, values in mapping.columns.items():
                lines.append(f"| {table} | {column} | {'; else '.join(map(_value, values))} |")
    return [*lines, ""]


def _value(value: Value) -> str:
    origin = _names(value.names, ", ") or (f"`{value.constant}`" if value.constant is not None else "each item")
    origin += f" / {value.divide_by:,}" if value.divide_by else ""
    words = ", ".join(f"{word}: {meaning}" for word, meaning in (value.words or {}).items())
    return f"{origin}{f' ({words})' if words else ''}{' under a condition' if value.when else ''}".replace("|", "\\|")


def _names(names: Iterable[str], separator: str = ", ") -> str:
    return separator.join(f"`{name}`" for name in names)


PAGES: dict[str, Callable[[], str]] = {
    "tables.md": tables_page,
    "configuration.md": configuration_page,
    "layouts.md": layouts_page,
}


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

"""Writes the comparison of two policies as one HTML page that needs nothing else.

What is compared, and the words, are left to `compare`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.sections import Grid, Section
from acquisition_assets.core.words import Words

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #212529; background: #fff; max-width: 60rem; margin: 0 auto;
  padding: 1rem }
h1 { font-size: 1.5rem; line-height: 1.2 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
ul.facts { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .75rem }
ul.facts li { flex: 1 1 9rem; border: 1px solid #ced4da; border-radius: .5rem; padding: .5rem .75rem }
ul.facts b { display: block; font-size: 1.5rem }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #dee2e6; vertical-align: top }
.number { text-align: right; font-variant-numeric: tabular-nums } td.number { white-space: nowrap }
.better { color: #2b8a3e; font-weight: 600 } .worse { color: #c92a2a; font-weight: 600 }
td:first-child { overflow-wrap: anywhere; min-width: 6rem } p.note { color: #495057 }
@media (max-width: 40rem) { table { font-size: .75rem } th, td { padding: .3rem .25rem } td { overflow-wrap: anywhere }
  td:first-child { min-width: 4rem } }
"""
ROOM = "commands"


def page(result: Mapping[str, Any], sections: Sequence[Section], words: Words) -> str:
    """Return the page: the number of leads that change, each section as a table, and some leads one by one."""
    totals = result["totals"]
    first, *others = sections  # the first sentence says what the cards show
    facts = [
        f"<li><b>{escape(words.cell(totals[name]))}</b>{escape(words('compare.card.' + name))}</li>"
        for name in ("leads", "new_score", "new_action", "new_segments", "new_items")
    ]
    shown = [Section(first.title, first.parts[1:]), *others]
    examples = Section(words("compare.title.examples"), [_examples(result["examples"], words)])
    body = [
        f"<h1>{escape(words('compare.title.page', day=result['day']))}</h1>",
        f'<ul class="facts">{"".join(facts)}</ul>',
        *(_section(section, words) for section in shown),
        f'<p class="note">{escape(words("compare.notes"))}</p>' if result["evidence_days"] else "",
        _section(examples, words),
    ]
    return (
        f'<!doctype html>\n<html lang="{words.locale}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(words('compare.title.page', day=result['day']))}</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def _examples(rows: Sequence[Mapping[str, Any]], words: Words) -> Grid:
    names = ("lead_id", "score_before", "score_after", "action_before", "action_after")
    titles = words.titles("lead", "score_now", "score_new", "action_now", "action_new")
    return Grid(titles, [[row[name] for name in names] for row in rows])


def _section(section: Section, words: Words) -> str:
    parts = [
        _grid(part, words) if isinstance(part, Grid) else f"<p>{escape(sanitize(part))}</p>" for part in section.parts
    ]
    return f"<h2>{escape(section.title)}</h2>\n" + "\n".join(parts)


def _grid(grid: Grid, words: Words) -> str:
    head = "".join(
        f'<th scope="col"{_alignment([row[place] for row in grid.rows])}>{escape(name)}</th>'
        for place, name in enumerate(grid.columns)
    )
    rows = "\n".join("<tr>" + "".join(_cell(cell, words) for cell in row) + "</tr>" for row in grid.rows)
    none = f'<tr><td colspan="{len(grid.columns)}">{escape(words("compare.none"))}</td></tr>'
    return f'<div class="scroll" tabindex="0"><table>\n<tr>{head}</tr>\n{rows or none}\n</table></div>'


def _alignment(cells: Sequence[object]) -> str:
    """Return the class of the title of a column of numbers, which is above them on the right."""
    return ' class="number"' if cells and all(_is_number(cell) for cell in cells) else ""


def _is_number(cell: object) -> bool:
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def _cell(cell: object, words: Words) -> str:
    text = escape(sanitize(words.cell(cell)))
    if _is_number(cell):
        return f'<td class="number">{text}</td>'
    verdict = next((name for name in ("better", "worse") if cell == words(f"compare.verdict.{name}")), None)
    return f'<td class="{verdict}">{text}</td>' if verdict else f"<td>{text}</td>"

"""Writes the comparison of two policies as one HTML page that needs nothing else.

What is compared, and the words, are left to `compare`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from acquisition_assets.core.masking import sanitize
from acquisition_assets.core.sections import Grid, Section
from acquisition_assets.core.words import SHARED, words_of

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
NOTES = """<p class="note">AUC is the chance that a lead who converts ranks above one who does not: 0.5 is chance, 1 is
perfect. Lift is how many times more conversions the best 10 % of the leads have than all leads. A difference counts as
better or worse only where its 95 % interval leaves out zero; otherwise the data do not tell.</p>"""


def page(result: Mapping[str, Any], sections: Sequence[Section]) -> str:
    """Return the page: the number of leads that change, each section as a table, and some leads one by one."""
    totals = result["totals"]
    first, *others = sections  # the first sentence says what the cards show
    facts = {
        "leads": totals["leads"],
        "get another score": totals["new_score"],
        "get another next action": totals["new_action"],
        "change segments": totals["new_segments"],
        "get other items": totals["new_items"],
    }
    cards = "".join(f"<li><b>{_shown(number)}</b>{escape(words)}</li>" for words, number in facts.items())
    body = [
        f"<h1>What a new policy changes on {escape(result['day'])}</h1>",
        f'<ul class="facts">{cards}</ul>',
        *(_section(section) for section in [Section(first.title, first.parts[1:]), *others]),
        NOTES if result["evidence_days"] else "",
        _section(Section("Leads that change most", [_examples(result["examples"])])),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Policy comparison {escape(result['day'])}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _examples(rows: Sequence[Mapping[str, Any]]) -> Grid:
    cells = [
        [row["lead_id"], row["score_before"], row["score_after"], row["action_before"], row["action_after"]]
        for row in rows
    ]
    return Grid(["lead", "score now", "new score", "next action now", "new next action"], cells)


def _section(section: Section) -> str:
    parts = [_grid(part) if isinstance(part, Grid) else f"<p>{escape(sanitize(part))}</p>" for part in section.parts]
    return f"<h2>{escape(section.title)}</h2>\n" + "\n".join(parts)


def _grid(grid: Grid) -> str:
    head = "".join(
        f'<th scope="col"{_alignment([row[place] for row in grid.rows])}>{escape(name)}</th>'
        for place, name in enumerate(grid.columns)
    )
    rows = "\n".join("<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in grid.rows)
    none = f'<tr><td colspan="{len(grid.columns)}">none</td></tr>'
    return f'<div class="scroll" tabindex="0"><table>\n<tr>{head}</tr>\n{rows or none}\n</table></div>'


def _alignment(cells: Sequence[object]) -> str:
    """Return the class of the title of a column of numbers, which is above them on the right."""
    return ' class="number"' if cells and all(_is_number(cell) for cell in cells) else ""


def _is_number(cell: object) -> bool:
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def _shown(cell: object) -> str:
    return sanitize(words_of(SHARED, "en").cell(cell))


def _cell(cell: object) -> str:
    text = escape(_shown(cell))
    if _is_number(cell):
        return f'<td class="number">{text}</td>'
    return f'<td class="{text}">{text}</td>' if text in ("better", "worse") else f"<td>{text}</td>"

"""Says what a missing cell is, and what instant a local time is, in the words and the SQL of every source.

Does not read the cells of input tables (see `raw.cells`) or those of exports (see `sources.layouts`).
"""

from __future__ import annotations

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

from acquisition_assets.core.days import offset_runs

# What Unicode calls white space, and the invisible characters that tools leave at the edges of cells.
BLANK_CODES = [*range(9, 14), *range(28, 33), 133, 160, 5760, *range(0x2000, 0x200C), 0x2028, 0x2029, 0x202F, 0x205F]
BLANK = "".join(map(chr, [*BLANK_CODES, 0x2060, 0x3000, 0xFEFF]))
MISSING_WORDS = (
    "null",
    "none",
    "nan",
    "nat",
    "<na>",
    "n/a",
    "#n/a",
    "undefined",
    "(not set)",
    "(blank)",
    "-",
    "--",
    r"\n",
    "0000-00-00",
    "0000-00-00 00:00:00",
)
# Seconds since 1970 of times that are written as numbers: between 2000 and 2100.
FIRST_SECOND, LAST_SECOND = 946_684_800, 4_102_444_800
FIRST_INSTANT = "timestamptz '0001-01-01 00:00:00+00'"
LAST_INSTANT = "timestamptz '9999-12-31 23:59:59.999999+00'"
FIRST_US, LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999


def local_instant_sql(us: str, zone: ZoneInfo, last: dt.date) -> str:
    """Return the SQL of the instant of a local time, null beyond the calendar.

    A local time that strikes twice is the first, one that is skipped is the instant of the jump. The time is bound
    once, as a macro's argument is repeated wherever it is named.

    Args:
        us: SQL of the local time in microseconds since 1970.
        last: the last day whose offset is known.
    """
    runs = offset_runs(zone, last)
    cases = []
    for run, before in itertools.pairwise(runs):
        clock = run.start_us + max(run.offset_us, before.offset_us)
        cases.append(f"when u >= {clock} then u - {run.offset_us}")
        if run.offset_us > before.offset_us:
            cases.append(f"when u >= {run.start_us + before.offset_us} then {run.start_us}")
    shifted = f"case {' '.join(cases)} else u - {runs[-1].offset_us} end"
    instant = f"case when u between {FIRST_US} and {LAST_US} then make_timestamptz(u::bigint) end"
    return (
        f"list_transform(list_transform([({us})::hugeint], lambda u: {shifted}), lambda u: {instant})[1]"
        if cases
        else f"case when {us} between {FIRST_US + runs[0].offset_us} and {LAST_US + runs[0].offset_us} "
        f"then make_timestamptz(({us})::bigint - {runs[0].offset_us}) end"
    )

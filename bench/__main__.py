"""Runs the benchmarks (`python -m bench`), prints their tables, and writes them into docs/performance.md.

The benchmarks themselves are left to cases.py.
"""

from __future__ import annotations

import argparse
import inspect
import os
import platform
import re
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from bench.cases import CASES, ON_DEMAND, Bench
from bench.measure import ROOT

PAGE = ROOT / "docs" / "performance.md"


def main() -> int:
    """Measure the product, and the same by hand, on worlds of the given sizes."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument("--leads", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="sizes of worlds")
    parser.add_argument("--runs", type=int, default=3, help="runs of each figure; from a million leads on, one of most")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=CASES,
        default=[name for name in CASES if name not in ON_DEMAND],
        help="which benchmarks",
    )
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.relative_to(ROOT)}")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "acquisition-bench",
        help="folder of worlds and lakes",
    )
    given = parser.parse_args()
    bench = Bench(given.leads, given.runs, given.cache)
    for name in given.only:
        begun = time.perf_counter()
        case = CASES[name]
        lines = ["", *case(bench), ""]
        print(
            f"\n{inspect.cleandoc(case.__doc__ or '')}",
            *lines,
            f"({time.perf_counter() - begun:.0f} s)",
            sep="\n",
            flush=True,
        )
        if given.write:
            put(name, [*lines, f"<small>{made_by(given, name)}</small>", ""])
    if given.write:
        put("machine", ["", machine(), ""])
    return 0


def put(name: str, lines: list[str]) -> None:
    """Put lines between the page's markers of this name."""
    text = PAGE.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    if not re.search(pattern, text, re.DOTALL):
        raise SystemExit(f"{PAGE} has no place for {name}; add {begin.strip()} and {end}")
    new = begin + "\n".join(lines) + end
    PAGE.write_text(re.sub(pattern, lambda _: new, text, flags=re.DOTALL), encoding="utf-8")


def made_by(given: argparse.Namespace, name: str) -> str:
    """Return the command that makes a table."""
    sizes = " ".join(map(str, given.leads))
    return f"`make bench BENCH_ARGS='--only {name} --leads {sizes} --runs {given.runs} --write'`"


def machine() -> str:
    """Return a description of the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB of memory, {platform.system()}, "
        f"Python {platform.python_version()}, DuckDB {duckdb.__version__}."
    )


if __name__ == "__main__":
    sys.exit(main())

r"""Measures reading from and writing to PostgreSQL, beside plain `psql \copy` of the same rows as the limit.

What happens to the rows in between is left to cases.py.

    python -m bench.postgres --leads 100000
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from acquisition_assets.core.contracts import SQL, Contract
from acquisition_assets.core.postgres import connect
from acquisition_assets.destinations.postgres_migrations import migrate
from acquisition_assets.features.contract import LEAD_ACTIVITY

ROOT = Path(__file__).resolve().parents[1]
DELIVERIES_PER_LEAD = 12
END = dt.datetime(2026, 9, 30, tzinfo=dt.timezone.utc)
DAY = END.date()
WORLD = """
select setseed(0.5);
insert into organic_leads (lead_id, email, source, utm_source, interest_area, status, engagement_score, created_at)
select 'lead-' || n, 'lead' || n || '@example.com', 'organic', 'linkedin', 'marketing', 'nurturing', n %% 20,
    timestamp '2026-06-02' + random() * interval '119 days'
from generate_series(1, %(leads)s) as n;
insert into content_engagement
(engagement_id, lead_id, content_type, content_id, content_title, status, sent_at, opened_at, clicked_at, completed_at)
select n, 'lead-' || 1 + n / %(per_lead)s, (array['blog', 'guide', 'video', 'webinar', 'ebook'])[1 + n %% 5],
    'item-' || n %% 300, 'Título del contenido ' || n %% 300, 'sent', sent,
    case when luck < 0.5 then sent + random() * interval '1 day' end,
    case when luck < 0.25 then sent + random() * interval '1 day' end,
    case when luck < 0.33 then sent + random() * interval '1 day' end
from (
    select n, random() as luck, timestamp '2026-06-02' + random() * interval '119 days' as sent
    from generate_series(0, %(leads)s * %(per_lead)s - 1) as n
) as deliveries
"""
PEAK = """
import datetime as dt, json, os, resource, sys, tempfile, time
from pathlib import Path

def peak():
    # On Linux a process starts with its parent's ru_maxrss, so the kernel is asked for the one of this program.
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # bytes on macOS
"""
EXTRACT = """
import duckdb
from acquisition_assets.inputs.source import Wanted
from acquisition_assets.sources.postgres import PostgresSource

end = dt.datetime.fromisoformat(sys.argv[1])
start = dt.datetime.fromisoformat(sys.argv[2]) if len(sys.argv) > 2 else None
source = PostgresSource(os.environ["BENCH_URL"])
with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as connection:
    begun, worked = time.perf_counter(), time.process_time()
    with source.open(connection, Path(scratch), Wanted(end, ((start, end),))) as tables:
        taken = {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - worked, "peak": peak()}
        files = {path.stem: connection.read_parquet(str(path)).shape[0] for path in Path(scratch).glob("*.parquet")}
print(json.dumps({**taken, "rows": sum(files.values())}))
"""
PUBLISH = """
from acquisition_assets.features.contract import LEAD_ACTIVITY
from acquisition_assets.destinations.postgres import deliver_table

begun, worked = time.perf_counter(), time.process_time()
rows = deliver_table(os.environ["BENCH_URL"], LEAD_ACTIVITY, dt.date.fromisoformat(sys.argv[1]), sys.argv[2])
taken = {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - worked, "peak": peak()}
print(json.dumps({**taken, "rows": rows}))
"""


@dataclass(frozen=True)
class Measured:
    """Rows moved, the seconds of the quickest try, and the greatest peak memory in MB of any (None for psql).

    cpu: seconds of the processor, of the client and of the server's processes.
    """

    what: str
    rows: int
    seconds: float
    cpu: float
    peak_mb: float | None = None

    def line(self, limit: Measured | None = None) -> str:
        """Return a row of the result's table."""
        ratios = [f"{self.seconds / limit.seconds:.2f}", f"{self.cpu / limit.cpu:.2f}"] if limit else ["1", "1"]
        memory = f"{self.peak_mb:.0f}" if self.peak_mb else ""
        figures = [f"{self.rows:,}", f"{self.seconds:.1f}", f"{self.rows / self.seconds:,.0f}", ratios[0]]
        return f"| {' | '.join([self.what, *figures, f'{self.cpu:.1f}', ratios[1], memory])} |"


def measure(url: str, psql: Path, leads: int, folder: Path, tries: int = 1) -> list[str]:
    """Return the lines of the result's table, measured on an empty database.

    Args:
        tries: repetitions of each measurement, in turns; the quickest counts, as the machine may be busy.
    """
    _make_world(url, leads)
    server = ServerProcesses(url)
    shell = [str(psql), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    environment = {**os.environ, "BENCH_URL": url, "PYTHONPATH": str(ROOT)}

    def execute(statements: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statements.encode())

    def copy(what: str, rows: int, *statements: str) -> Measured:
        commands = [part for statement in statements for part in ("-c", statement)]
        begun, worked, served = time.perf_counter(), _children_seconds(), server.seconds()
        subprocess.run([*shell, *commands], check=True, env=_psql_environment(url))
        seconds, cpu = time.perf_counter() - begun, _children_seconds() - worked
        return Measured(what, rows, seconds, cpu + server.seconds() - served)

    def child(program: str, what: str, *arguments: str) -> Measured:
        served = server.seconds()
        found = _child(program, environment, *arguments)
        cpu = found["cpu"] + server.seconds() - served
        return Measured(what, found["rows"], found["seconds"], cpu, found["peak"] / 1024)

    def reading() -> list[Measured]:
        tables = ("organic_leads", "content_engagement")
        return [
            copy(
                "`\\copy` of organic_leads and content_engagement to files",
                leads * (1 + DELIVERIES_PER_LEAD),
                *(f"\\copy {table} to '{folder}/{table}.csv' csv" for table in tables),
            ),
            child(EXTRACT, "extraction of everything", END.isoformat()),
            child(EXTRACT, "extraction for one more day", END.isoformat(), four_days),
        ]

    columns = ", ".join(("date", *LEAD_ACTIVITY.columns))

    def writing() -> list[Measured]:
        execute("truncate plain, acquisition.lead_activity")
        target = (DAY.isoformat(), f"{folder}/features.parquet")
        return [
            copy(
                "`\\copy` of lead_activity into a table with the same indexes",
                leads,
                f"\\copy plain ({columns}) from '{folder}/features.csv' csv",
            ),
            child(PUBLISH, "publication of lead_activity", *target),
            child(PUBLISH, "publication of the same day again", *target),
        ]

    four_days = (END - dt.timedelta(days=4)).isoformat()
    out, history, daily = _best([reading() for _ in range(tries)])
    _make_features(folder, leads)
    with connect(url, autocommit=True) as connection:
        migrate(connection)
    execute("create table plain (like acquisition.lead_activity including all)")
    into, first, again = _best([writing() for _ in range(tries)])
    return [
        "| what | rows | seconds | rows per second | times the limit | CPU, s | times its CPU | peak memory, MB |",
        "| --- |" + " ---: |" * 7,
        *(out.line(), history.line(out), daily.line(out), into.line(), first.line(into), again.line(into)),
    ]


def _best(tries: list[list[Measured]]) -> list[Measured]:
    """Return the quickest try of each measurement, with the largest memory of any."""
    return [
        replace(min(same, key=lambda one: one.seconds), peak_mb=max(one.peak_mb or 0 for one in same) or None)
        for same in zip(*tries, strict=True)
    ]


def _make_world(url: str, leads: int) -> None:
    statements = (ROOT / "sql/postgres/source_schema.sql").read_text()
    indexes = (ROOT / "sql/postgres/source_indexes.sql").read_text()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statements.encode())
        for statement in WORLD.split(";"):
            values = {"leads": leads, "per_lead": DELIVERIES_PER_LEAD}
            psycopg.ClientCursor(connection).execute(statement.encode(), values)
        for statement in indexes.split(";\n"):
            if statement.strip():
                connection.execute(statement.encode())
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def _make_features(folder: Path, leads: int) -> None:
    """Write the same rows as Parquet, as the lake has them, and as CSV, as psql wants them."""
    values: dict[str, Callable[[int], str]] = {
        "VARCHAR": lambda n: f"'value-' || (i * {n + 7}) % 1000003",
        "BIGINT": lambda n: f"(i * {n + 3}) % 97",
        "DOUBLE": lambda n: f"((i * {n + 5}) % 99991) / 997.0",
        "BOOLEAN": lambda n: f"i % {n + 2} = 0",
        "TIMESTAMPTZ": lambda n: f"timestamptz '2026-06-02 00:00+00' + interval (i * {n + 1}) second",
        "VARCHAR[]": lambda n: "case when i % 2 = 0 then ['blog', 'guide'] else [] end",
    }
    contract: Contract = LEAD_ACTIVITY
    kinds = {name: SQL[contract.kind(name)] for name in contract.columns}
    columns = [f"({values[kind](n)})::{kind} as {name}" for n, (name, kind) in enumerate(kinds.items())]
    columns[0] = "'lead-' || i as lead_id"
    arrays = ", ".join(
        f"'{{' || array_to_string({name}, ',') || '}}' as {name}" for name, kind in kinds.items() if kind == "VARCHAR[]"
    )
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(
            f"copy (select {', '.join(columns)} from range({leads}) as t (i)) to '{folder}/features.parquet' "
            "(format parquet, compression zstd)"
        )
        connection.execute(
            f"copy (select date '{DAY}' as date, * replace ({arrays}) from '{folder}/features.parquet') "
            f"to '{folder}/features.csv' (header false)"
        )


def _child(program: str, environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    """Run a program in a process of its own, so that its peak memory is its own; return its JSON."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK + program, *arguments], check=True, env=environment, capture_output=True, text=True
    )
    results: dict[str, Any] = json.loads(done.stdout)
    return results


def _children_seconds() -> float:
    """Return the CPU seconds of child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class ServerProcesses:
    """The processes of a server on this machine; their CPU time is known only on Linux."""

    def __init__(self, url: str) -> None:
        with psycopg.connect(url) as connection:
            parent = _stat(connection.info.backend_pid)
        self._main = int(parent[1]) if parent else None

    def seconds(self) -> float:
        """Return their CPU seconds so far, including ended ones."""
        if self._main is None:
            return 0.0
        running = [_stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()]
        ticks = sum(sum(map(int, stat[11:13])) for stat in running if stat and int(stat[1]) == self._main)
        return (ticks + sum(map(int, _stat(self._main)[11:15]))) / os.sysconf("SC_CLK_TCK")


def _stat(process: int) -> list[str]:
    """Return the fields of /proc/<process>/stat from the third on (state, parent, ...), or [] without the file."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _psql_environment(url: str) -> dict[str, str]:
    given = psycopg.conninfo.conninfo_to_dict(url)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    return {**os.environ, **{variable: str(given[name]) for name, variable in names.items() if given.get(name)}}


def main() -> int:
    """Measure on a server of its own and print the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--leads", type=int, default=100_000, help="how many leads, with 12 deliveries each")
    parser.add_argument("--tries", type=int, default=3, help="how often to measure; the quickest counts")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT / "scripts"))
    from postgres_server import Server

    server = Server({"max_wal_size": "8GB", "shared_buffers": "256MB"})
    try:
        server.start()
        with tempfile.TemporaryDirectory() as folder:
            lines = measure(server.url(), server.program_folder / "psql", options.leads, Path(folder), options.tries)
    finally:
        server.remove()
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())

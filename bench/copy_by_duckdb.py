"""Copies the files of a world to Parquet once with DuckDB: the limit for ingestion.

It leaves checks, quarantine and partitions to the product.

    python -m bench.copy_by_duckdb SOURCE FOLDER MEMORY_LIMIT

The last line printed is JSON: what the copying took.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb

from bench.used import measured


def copy(source: Path, folder: Path, memory_limit: str) -> None:
    """Copy each table to one file."""
    with duckdb.connect(config={"memory_limit": memory_limit, "temp_directory": str(folder / "spill")}) as connection:
        connection.execute("set enable_progress_bar = false")
        for path in sorted(source.iterdir()):
            files = path / "*.parquet" if path.is_dir() else path
            target = folder / f"{path.name.split('.')[0]}.parquet"
            connection.execute(f"copy (from read_parquet('{files}')) to '{target}' (format parquet)")


if __name__ == "__main__":
    print(json.dumps({"copy": measured(lambda: copy(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))}))

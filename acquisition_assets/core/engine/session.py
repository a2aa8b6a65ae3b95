"""The protocol of an engine and its sessions, with the helpers that every engine shares.

The engines themselves are in `duckdb` and `spark`; how a query is sliced is in `slices`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from acquisition_assets.core.contracts import SQL, Contract, Violation, duplicates_query, violations_query
from acquisition_assets.core.engine.slices import WHOLE, Slices
from acquisition_assets.core.errors import AcquisitionError, LakeError
from acquisition_assets.core.lake import corrupt

if TYPE_CHECKING:
    import duckdb

Parameters = Mapping[str, object]
_PARTITION = re.compile(r"/([a-z_]+)/date=(\d{4}-\d{2}-\d{2})/")


class Session(Protocol):
    """The work of one step: named relations and queries over them. `$name` in a query is a bound parameter.

    Nothing of a session outlives it: views over files, temporary tables, and tables in a file that is removed.
    """

    def bind(self, name: str, contract: Contract, files: Sequence[str]) -> None:
        """Name the rows of these partitions, with the partition's day as column `date`; no files, no rows."""

    def bind_staged(self, path: Path) -> None:
        """Name the rows of a staged file `staged`, replacing any previous one."""

    def bind_arrow(self, name: str, table: pa.Table) -> None:
        """Name a small Arrow table."""

    def slice_by(self, name: str, column: str) -> Slices:
        """Return ranges of a text column of a bound table, of about `ROWS_OF_A_SLICE` rows each.

        A small table, or one whose ranges cannot be read separately, gets a single range. `Slices.of` names the
        relations of the query to slice.
        """

    def bind_query(self, name: str, query: str, parameters: Parameters | None = None, slices: Slices = WHOLE) -> None:
        """Compute a query once, slice by slice, and name its rows for later queries."""

    def bind_view(self, name: str, query: str) -> None:
        """Name a query without computing it; each query that reads the name computes it."""

    def query(self, query: str, parameters: Parameters | None = None) -> pa.Table:
        """Return the rows of a query with a small result."""

    def write(
        self,
        query: str,
        contract: Contract,
        path: Path,
        parameters: Parameters | None = None,
        slices: Slices = WHOLE,
    ) -> int:
        """Write the rows of a query to one Parquet file with the contract's columns and types; return their number."""

    def violations(self, contract: Contract, files: Sequence[Path], *, unique: bool = True) -> list[Violation]:
        """Return every rule of the contract that the staged files break.

        Args:
            unique: also check that the key is unique.
        """


class Connector(Protocol):
    """Opens DuckDB connections in this process."""

    def connect(self, scratch: Path) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Return a new connection that may spill into the scratch folder."""


class Engine(Protocol):
    """Where the SQL runs."""

    @property
    def name(self) -> str:
        """Return the name that the assets show as their kind."""

    @property
    def local(self) -> Connector:
        """Return the DuckDB of this process, which reads the source whatever the engine."""

    def session(self, scratch: Path) -> AbstractContextManager[Session]:
        """Return a new session that may spill into the scratch folder."""


def typed_query(query: str, contract: Contract) -> str:
    """Return a query with exactly the contract's columns and types."""
    typed = ", ".join(f"{name}::{SQL[contract.kind(name)]} as {name}" for name in contract.columns)
    return f"select {typed} from ({query}) as result"


def used(query: str, parameters: Parameters | None) -> Parameters:
    """Return the parameters that a query names; an engine rejects any others."""
    wanted = set(re.findall(r"\$([a-z_][a-z0-9_]*)", query))
    return {name: value for name, value in (parameters or {}).items() if name in wanted}


def differing_columns(contract: Contract, files: Sequence[Path]) -> list[Violation]:
    """Return how the columns of staged files differ from the contract."""
    return [difference for file in files for difference in contract.differences(pq.read_schema(file))]


def broken_rules(
    contract: Contract, relation: str, row_of: Callable[[str], Sequence[int]], unique: bool
) -> list[Violation]:
    """Return the rules that a relation breaks.

    Args:
        row_of: runs a query that counts and returns its only row.
    """
    names, query = violations_query(contract, relation)
    broken = [Violation(name, int(n)) for name, n in zip(names, row_of(query)[1:], strict=True) if n]
    counting = duplicates_query(contract, relation) if unique else None
    duplicates = int(row_of(counting)[0]) if counting else 0
    if duplicates:
        broken.append(Violation(contract.uniqueness, duplicates))
    return broken


def corrupt_partition(text: str, reason: str) -> LakeError | None:
    """Return the error for the partition whose path a text holds, or None if it holds none.

    Args:
        text: an address of a file, or what an engine reported; nothing else of it is repeated.
        reason: what is wrong, in words that hold no cell.
    """
    found = _PARTITION.search(text)
    return corrupt(found[1], found[2], AcquisitionError(reason)) if found else None

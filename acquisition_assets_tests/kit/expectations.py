"""Defines what the tests must know of a product, and collects it from the test folder of each product.

The values are left to the module `expectations` of each of these folders.
"""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from acquisition_assets import catalog

TESTS = Path(__file__).resolve().parents[1]
MODULE = "expectations"
DAY = dt.date(2026, 3, 31)
NOON = dt.datetime(2026, 3, 31, 12, tzinfo=dt.timezone.utc)

Row = Mapping[str, Any]
Tamper = Callable[[pa.Table], pa.Table]


@dataclass(frozen=True)
class TableExpectations:
    """What the tests must know of a table.

    good: rows that keep the contract together; a column that may be null is null in one of them.
    also_good: more rows that keep it, each by itself.
    broken: rule across columns -> rows that break it, one by one. Rows that break a rule of one column are generated.
    tampered: changes the table of Monday of the hand-made world so that its contract holds and `recomputed` fails.
        Required of each computed table.
    compared_in: the test file that compares its rows with a second implementation; None where the reference makes them.
    not_in_reference: columns that the reference leaves out, as other tests cover them.
    rounded: column -> decimals to which the reference's numbers are rounded first.
    is_plotted: whether its asset draws a plot.
    """

    good: Sequence[Row]
    also_good: Sequence[Row] = ()
    broken: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    tampered: Tamper | None = None
    compared_in: str | None = None
    not_in_reference: Sequence[str] = ()
    rounded: Mapping[str, int] = field(default_factory=dict)
    is_plotted: bool = True


@dataclass(frozen=True)
class Expectations:
    """What the tests must know of a product.

    tables: by name, as the catalogue lists them.
    reference: returns rows of its tables by the second implementation, given the tables of the products before it and
        the day. None where oracle/reference.py makes them.
    changes: section of the policy -> key -> a value that changes what the product publishes for the sample.
    elsewhere: section -> keys that change nothing on the sample's last day; other tests cover them.
    lists: key of the section `reports` -> the task and the list that it limits.
    report_keys: task -> the keys of its report, in the order of the catalogue.
    sql_numbers: SQL file -> numbers in it that are no rules, such as bits and bars.
    """

    tables: Mapping[str, TableExpectations]
    reference: Callable[[Mapping[str, Any], dt.date], Mapping[str, Sequence[Row]]] | None = None
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    elsewhere: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    report_keys: Mapping[str, set[str]] = field(default_factory=dict)
    sql_numbers: Mapping[str, set[str]] = field(default_factory=dict)


def file_of(product: str) -> Path:
    """Return the file in which the tests of a product hold what they know of it."""
    return TESTS / product / f"{MODULE}.py"


@cache
def collected() -> dict[str, Expectations]:
    """Return what is known of each product, in pipeline order; test_catalog.py fails for a product without a file."""
    names = [product.name for product in catalog.PRODUCTS if file_of(product.name).is_file()]
    return {name: importlib.import_module(f"{TESTS.name}.{name}.{MODULE}").EXPECTATIONS for name in names}


def tables() -> dict[str, TableExpectations]:
    """Return what is known of each table, in pipeline order."""
    return {table: known for each in collected().values() for table, known in each.tables.items()}


def of_table(table: str) -> TableExpectations:
    """Return what is known of a table."""
    return tables().get(table, TableExpectations(good=()))


def own_references(made: Mapping[str, Any], day: dt.date) -> dict[str, Any]:
    """Return the tables of a day that the reference made, with those that products compute again by themselves."""
    found = dict(made)
    for each in collected().values():
        if each.reference is not None:
            found |= each.reference(found, day)
    return found


def problems() -> Iterator[str]:
    """Yield a line for each product whose expectations are missing, incomplete or name what does not exist."""
    for product in catalog.PRODUCTS:
        file = file_of(product.name).relative_to(TESTS.parent)
        if product.name not in collected():
            yield f"{file} is missing: write what the tests must know of {product.name} there (kit/expectations.py)"
            continue
        known = collected()[product.name]
        names = [table.table for table in product.tables]
        if list(known.tables) != names:
            yield f"{file}: tables are {list(known.tables)}, in the catalogue {names}"
        tasks = [report.task for report in product.reports]
        if list(known.report_keys) != tasks:
            yield f"{file}: report_keys are of {list(known.report_keys)}, reports in the catalogue {tasks}"
        for name, table in known.tables.items():
            if product.name != "raw" and table.tampered is None:
                yield f"{file}: {name} has no tampered case"
            if table.compared_in and not (TESTS / table.compared_in).is_file():
                yield f"{file}: {name} is compared in {table.compared_in}, which does not exist"


def added(table: pa.Table, **amounts: float) -> pa.Table:
    """Return the table with these amounts added to columns of its first row."""
    for name, amount in amounts.items():
        place = table.column_names.index(name)
        changes = pa.array([amount if n == 0 else 0 for n in range(table.num_rows)], table.schema.field(name).type)
        table = table.set_column(place, table.schema.field(name), pc.add(table.column(name), changes))
    return table


def without(column: str, value: str) -> Tamper:
    """Return a change that drops the rows with a value."""
    return lambda table: table.filter(pc.not_equal(table.column(column), value))

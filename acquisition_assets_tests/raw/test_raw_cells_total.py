"""Protects that no cell makes a day fail: its expressions hold for every value that a DuckDB type can have."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from acquisition_assets.core.duckdb_sql import in_memory
from acquisition_assets.inputs.tables import Cell, InputColumn
from acquisition_assets.raw.cells import MACROS, cleaned, parsed, zone_macros

VALUES = {
    "TIMESTAMP": ("'infinity'", "'-infinity'", "'290309-12-22 (BC) 00:00:00'", "'294247-01-10 04:00:54.775806'"),
    "TIMESTAMPTZ": ("'infinity'", "'-infinity'", "'290309-12-22 (BC) 00:00:00+00'", "'294247-01-10 04:00:54.77+00'"),
    "TIMESTAMP_S": ("'infinity'", "'294247-01-10'"),
    "TIMESTAMP_MS": ("'infinity'", "'-infinity'"),
    "TIMESTAMP_NS": tuple(f"make_timestamp_ns({us})" for us in (-(2**63), 2 - 2**63, 2**63 - 2)),
    "DATE": ("'infinity'", "'5877642-06-25 (BC)'", "'5881580-07-10'"),
    "DOUBLE": ("'nan'", "'inf'", "'-inf'", "1.7976931348623157e308", "1758360600.0", "1e20"),
    "FLOAT": ("'nan'", "'inf'"),
    "BIGINT": (str(-(2**63)), str(2**63 - 1)),
    "HUGEINT": (str(1 - 2**127), str(2**127 - 1)),
    "UHUGEINT": (str(2**128 - 1),),
    "DECIMAL(38,0)": ("9" * 38,),
    "DECIMAL(38,10)": ("9" * 28,),
    "BOOLEAN": ("true",),
    "BLOB": (r"'\xFF'",),
    "TIME": ("'24:00:00'",),
    "INTERVAL": ("'1 month'",),
    "UUID": ("'00000000-0000-0000-0000-000000000000'",),
    "INTEGER[]": ("[1, 2]",),
    "STRUCT(a INTEGER)": ("{'a': 1}",),
    "VARCHAR": ("''", "chr(0)", "'9999-12-31T23:59:59-14:00'", "'9999999999999'", "'31 Feb 2025 09:30 GMT'"),
}
COLUMNS = (*(InputColumn("x", cell) for cell in Cell), InputColumn("x", Cell.ID, is_lead=True))


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_every_cell_of_every_type_has_a_value_or_none(zone: str) -> None:
    with in_memory(threads=1) as connection:
        for macro in (*zone_macros(ZoneInfo(zone), dt.date(2027, 1, 1)), *MACROS):
            connection.execute(macro)
        for kind, values in VALUES.items():
            rows = ", ".join(f"(({value})::{kind})" for value in values)
            connection.execute(f"create or replace table rows as select col0 as x from (values {rows})")
            [(_, found, *_)] = connection.execute("describe rows").fetchall()
            for column in COLUMNS:
                cell = f"select {cleaned(column, found, True)} as c from rows as src"
                got = connection.execute(f"select {parsed(column, found, 'c')} from ({cell})").fetchall()
                assert len(got) == len(values)

"""Describes tables and checks to Dagster before anything runs: schemas, lineage, checks and previews.

Running a step is left to `step`, and building an output's asset to `output`.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from acquisition_assets.core.contracts import Contract, Kind, describe_checks
from acquisition_assets.core.env import Env
from acquisition_assets.core.masking import MASK, sanitize

OWNERS = ["team:growth", "team:data"]
DAGSTER_TYPES = {
    Kind.TEXT: "string",
    Kind.INTEGER: "int",
    Kind.NUMBER: "float",
    Kind.FLAG: "bool",
    Kind.INSTANT: "timestamp",
    Kind.DATE: "date",
    Kind.TEXTS: "array",
}
"""Names of types for which Dagster shows an icon."""
CELL_LENGTH = 60
"""Longest cell of a preview, in characters."""
ORDERED_DAYS = "acquisition/ordered_days"
"""Tag of a step that writes or reads partitions of other days, so that a range must run its days in order."""


def table_schema(contract: Contract) -> dg.TableSchema:
    """Return the contract as the Columns panel of the UI shows it."""
    columns = []
    for name, spec in contract.columns.items():
        unit = contract.unit(name)
        columns.append(
            dg.TableColumn(
                name=name,
                type=DAGSTER_TYPES[contract.kind(name)],
                description=f"{spec.description} [{unit}]" if unit else spec.description,
                constraints=dg.TableColumnConstraints(
                    nullable=bool(spec.nullable), unique=contract.key == (name,), other=describe_checks(spec)
                ),
                tags={"personal": ""} if contract.is_personal(name) else None,
            )
        )
    return dg.TableSchema(
        columns=columns, constraints=dg.TableConstraints(other=[rule.description for rule in contract.rules])
    )


def column_lineage(contract: Contract) -> dg.TableColumnLineage | None:
    """Return the columns that each column is derived from, or None where the contract names none."""
    deps = {
        name: [
            dg.TableColumnDep(asset_key=dg.AssetKey(table), column_name=source)
            for table, source in (origin.split(".") for origin in contract.lineage(name))
        ]
        for name in contract.columns
        if contract.lineage(name)
    }
    return dg.TableColumnLineage(deps_by_column=deps) if deps else None


def asset_spec(
    env: Env,
    contract: Contract,
    *,
    group: str,
    description: str,
    deps: Sequence[Any] = (),
    kinds: set[str] | None = None,
) -> dg.AssetSpec:
    """Return the spec of a table's asset: everything that is known before it runs."""
    metadata: dict[str, Any] = {
        "dagster/column_schema": table_schema(contract),
        "dagster/table_name": contract.table,
        "grain": contract.grain,
        "key": ", ".join(contract.key) or "none",
    }
    lineage = column_lineage(contract)
    if lineage:
        metadata["dagster/column_lineage"] = lineage
    return dg.AssetSpec(
        contract.table,
        deps=list(deps),
        group_name=group,
        description=description,
        owners=OWNERS,
        kinds=kinds or {"parquet", env.engine.name},
        metadata=metadata,
        partitions_def=env.partitions,
    )


def check_spec(
    env: Env, asset: str, name: str, description: str, *, blocking: bool = False, by_day: bool = True
) -> dg.AssetCheckSpec:
    """Return a check whose results belong to partitions. Dagster marks these as a preview feature (decision 4).

    Args:
        blocking: whether a failure keeps the table and everything downstream from being published.
        by_day: whether results are stored for partitions; a sensor can report only one result for each partition.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            name,
            asset=asset,
            description=description,
            blocking=blocking,
            partitions_def=env.partitions if by_day else None,
        )


def contract_check_spec(env: Env, contract: Contract) -> dg.AssetCheckSpec:
    """Return the check that a table keeps its contract."""
    text = f"Every rule of the contract of {contract.table} holds."
    return check_spec(env, contract.table, "contract", text, blocking=True)


def preview(contract: Contract, rows: pa.Table) -> str:
    """Return the first rows as a Markdown table, with personal data masked."""
    columns = contract.previewed or tuple(contract.columns)
    length = None if contract.previewed else CELL_LENGTH
    shown = [name for name in columns if not contract.is_personal(name)]
    masked = [name for name in columns if contract.is_personal(name)]
    lines = ["| " + " | ".join([*shown, *masked]) + " |", "|" + " --- |" * len(columns)]
    lines += [
        "| " + " | ".join([*(_cell(row[name], length) for name in shown), *(MASK for _ in masked)]) + " |"
        for row in rows.to_pylist()
    ]
    return "\n".join(lines)


def _cell(value: object, length: int | None) -> str:
    """Return a value as a cell of a Markdown table, cut to a length if one is given."""
    if value is None:
        return ""
    text = f"{value:g}" if isinstance(value, float) else sanitize(value)
    return text.replace("|", "\\|")[:length]

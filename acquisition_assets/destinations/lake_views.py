"""Builds the asset that keeps the views of `lake.duckdb`, for tools that read the lake with SQL.

What a view is, and how the file is written, is left to `core.views`.
"""

import dagster as dg

from acquisition_assets.catalog import TABLES
from acquisition_assets.core.env import Env
from acquisition_assets.core.specs import OWNERS
from acquisition_assets.core.step import failures
from acquisition_assets.core.views import FILE, write_views

NAME = "lake_views"
GROUP = "published"
DESCRIPTION = (
    f"The file {FILE} in the lake: one view per table over all days, and one of its newest day. It holds no rows; the "
    "views read the Parquet files."
)


def build(env: Env) -> list[dg.AssetsDefinition]:
    """Return the asset, or none for a lake in an object store."""
    if not env.lake.is_local:
        return []

    @dg.multi_asset(
        name=NAME,
        specs=[
            dg.AssetSpec(
                NAME,
                deps=[TABLES[-1].table],  # made from all others; an edge from each would hide the rest of the graph
                group_name=GROUP,
                description=DESCRIPTION,
                owners=OWNERS,
                kinds={"duckdb"},
                partitions_def=env.partitions,
            )
        ],
    )
    def lake_views(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        with failures(context.retry_number):
            written = write_views(env.lake, TABLES)
        return dg.MaterializeResult(
            asset_key=NAME,
            metadata={
                "path": dg.MetadataValue.path(written.path),
                "views": written.views,
                "unreadable_tables": ", ".join(written.unreadable) or "none",
            },
        )

    return [lake_views]

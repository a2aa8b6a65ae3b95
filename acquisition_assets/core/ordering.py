"""Derives from the graph which steps must wait for earlier days, and for which steps.

Waiting itself is left to `commands.parallel_days`.
"""

from collections.abc import Iterable, Mapping

import dagster as dg

from acquisition_assets.core.specs import ORDERED_DAYS


def earlier_steps(assets: Iterable[dg.AssetsDefinition]) -> Mapping[str, frozenset[str]]:
    """Return the steps that must wait for earlier days, each with the steps that it waits for.

    A step waits if the partition mapping of a dependency starts before the day itself, or if its tag says that it
    writes partitions of other days, as ingestion does with late events.
    """
    definitions = list(assets)
    maker = {key: definition.op.name for definition in definitions for key in definition.keys}
    found: dict[str, set[str]] = {}
    for definition in definitions:
        step = definition.op.name
        if definition.op.tags.get(ORDERED_DAYS):
            found.setdefault(step, set()).add(step)
        for spec in definition.specs:
            for dep in spec.deps:
                mapping = dep.partition_mapping
                if isinstance(mapping, dg.TimeWindowPartitionMapping) and mapping.start_offset < 0:
                    found.setdefault(step, set()).add(maker[dep.asset_key])
    return {step: frozenset(steps) for step, steps in found.items()}

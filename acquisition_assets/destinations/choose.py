"""Chooses the destinations that the settings name.

Delivering to them is left to each destination's own module.
"""

from __future__ import annotations

from acquisition_assets.core.settings import Settings
from acquisition_assets.destinations.asset import Destination


def choose_destinations(settings: Settings) -> list[Destination]:
    """Return the destinations of a deployment, possibly none."""
    found: list[Destination] = []
    if settings.publish_url:
        from acquisition_assets.destinations.postgres import PostgresDestination  # imports the driver

        found.append(PostgresDestination(settings.publish_url, settings.publish_retention_days))
    return found

"""Lists the kinds of destinations, and chooses those that the settings name.

Delivering to them is left to each destination's own module.
"""

from __future__ import annotations

from collections.abc import Callable

from acquisition_assets.core.errors import InputError
from acquisition_assets.core.settings import PREFIX, Settings
from acquisition_assets.destinations.asset import Destination

# Modules are imported when they are chosen: a deployment needs only the drivers of its own destinations.


def _postgres(url: str, keep_days: int | None) -> Destination:
    from acquisition_assets.destinations.postgres import PostgresDestination

    return PostgresDestination(url, keep_days)


KINDS: dict[str, Callable[[str, int | None], Destination]] = {
    "postgresql": _postgres,
    "postgres": _postgres,
}
"""Scheme of a URL -> the destination, given the URL and the number of days to keep (None keeps all)."""


def choose_destinations(settings: Settings) -> list[Destination]:
    """Return the destinations of a deployment, possibly none.

    Raises:
        InputError: no destination has the scheme of a URL, or two URLs lead to the same kind.
    """
    found: list[Destination] = []
    for url in settings.publish_urls:
        scheme = url.partition("://")[0].lower()
        if scheme not in KINDS:
            raise InputError(f"{PREFIX}PUBLISH_URL: {scheme}:// is no destination; use {' or '.join(KINDS)}")
        destination = KINDS[scheme](url, settings.publish_retention_days)
        if any(destination.prefix == other.prefix for other in found):
            raise InputError(f"{PREFIX}PUBLISH_URL names {destination.title} twice; name each kind of destination once")
        found.append(destination)
    return found

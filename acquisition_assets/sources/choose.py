"""Chooses the source that the settings name: the sample, a database or a folder.

Does not read any of them (see `sources.files`, `sources.postgres` and `sources.arrow`).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from acquisition_assets.core.errors import InputError
from acquisition_assets.core.settings import Settings
from acquisition_assets.inputs.source import Source
from acquisition_assets.sources import sample
from acquisition_assets.sources.arrow import sample_source
from acquisition_assets.sources.files import FileSource
from acquisition_assets.sources.layouts.library import named_layout

SAMPLE = "sample"
POSTGRES = ("postgresql://", "postgres://")


def choose_source(settings: Settings) -> Source:
    """Return the source that the settings name: the sample, a database, or a folder.

    Raises:
        InputError: it is a URL of another kind.
    """
    if settings.source == SAMPLE:
        return sample_source()
    if settings.source.startswith(POSTGRES):
        from acquisition_assets.sources.postgres import PostgresSource  # the drivers, which others do not need

        queries = Path(settings.source_queries) if settings.source_queries else None
        layouts = [named_layout(name) for name in settings.layouts]
        return PostgresSource(settings.source, settings.naive_timezone, queries, layouts)
    kind, is_url, _ = settings.source.partition("://")
    if is_url:
        raise InputError(
            f"a source cannot be a URL of the kind {kind}://; name a folder, a postgresql:// URL, or sample"
        )
    is_zone_named = "source_timezone" in settings.model_fields_set
    return FileSource(
        Path(settings.source).expanduser(),
        encoding=getattr(settings, "source_encoding", None),
        timezone=settings.source_timezone if is_zone_named else None,
        business_timezone=settings.timezone,
        layouts=settings.layouts,
    )


def first_day(settings: Settings) -> dt.date | None:
    """Return the first day of the source's data, where that is known without reading it."""
    return sample.FIRST_DAY if settings.source == SAMPLE else None


def last_day(settings: Settings) -> dt.date | None:
    """Return the last day of the source's data, where that is known without reading it."""
    return sample.LAST_DAY if settings.source == SAMPLE else None

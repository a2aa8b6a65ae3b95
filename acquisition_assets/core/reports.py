"""Defines the base class of the typed reports.

The reports themselves are left to the products.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Report(BaseModel):
    """A part of a published report: exactly its declared keys, with their declared types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

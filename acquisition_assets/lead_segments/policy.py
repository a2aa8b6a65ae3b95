"""Here: the typed part of the policy that lead_segments reads.

Not here: the parsing of criteria; it is in criteria.py.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from acquisition_assets.core.policy import Section

SegmentName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class Segment(Section):
    """A segment: what it is for people, and the criterion that its leads meet."""

    description: Annotated[str, Field(min_length=1)]
    criterion: Annotated[str, Field(min_length=1)]

"""Types the section `segments` of the policy.

Parsing criteria is left to `criteria`.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from acquisition_assets.core.policy import PeoplesText, Section, Text


def _segment_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
        raise ValueError("a segment's name is made of lower-case letters, digits and _, and begins with a letter")
    return name


SegmentName = Annotated[str, AfterValidator(_segment_name)]


class Segment(Section):
    """A segment: what it is for people, and the criterion that its leads meet."""

    description: PeoplesText
    criterion: Text

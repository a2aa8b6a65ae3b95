"""Sets how many examples a property test gets; the profile `quick` gives each a tenth.

The profiles are registered in conftest.py.
"""

from __future__ import annotations

from hypothesis import settings

USUAL = 100
"""Hypothesis' own number of examples, which a test's number is relative to."""


def examples(number: int) -> settings:
    """Return the decorator for a property test with so many examples, scaled by the profile of the run."""
    return settings(max_examples=max(1, number * settings().max_examples // USUAL), deadline=None)

"""Sets how many examples a property test gets; the profile `quick` gives each a tenth.

The profiles are registered in conftest.py.
"""

from __future__ import annotations

from hypothesis import Phase, settings

USUAL = 100
"""Hypothesis' own number of examples, which a test's number is relative to."""


def examples(number: int, *, shrink: bool = True) -> settings:
    """Return the decorator for a property test with so many examples, scaled by the profile of the run.

    Args:
        shrink: whether to look for a smaller failing example, which takes a slow test five more minutes.
    """
    phases = [phase for phase in Phase if shrink or phase is not Phase.shrink]
    most = max(1, number * settings().max_examples // USUAL)
    return settings(max_examples=most, deadline=None, phases=phases)

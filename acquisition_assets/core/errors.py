"""Here: the errors that a user or an operator reads, with the exit code each means.

Not here: anything that decides when they are raised.
"""

from __future__ import annotations


class AcquisitionError(Exception):
    """An error whose text is one line that says what, where and what to do. Ends a run with exit code 1."""

    exit_code = 1
    retryable = False

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class InputError(AcquisitionError):
    """Wrong input of the user (a folder, a file, a date, the policy). Ends a run with exit code 2."""

    exit_code = 2


class ContractError(AcquisitionError):
    """A table that breaks its contract. The partition in the lake is left as it was."""


class QuarantineError(AcquisitionError):
    """Too many bad input rows. Nothing downstream runs and the lake's tables are left as they were."""


class LakeError(AcquisitionError):
    """A partition of the lake that cannot be read or written."""


class SourceUnavailableError(AcquisitionError):
    """A source or target that may be back in a moment (connection lost, lock held): worth a retry."""

    retryable = True

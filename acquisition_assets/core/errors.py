"""Defines the errors that users and operators read, the exit codes, and how any exception becomes one line.

Does not hide personal data or secrets in a text (see `masking`), and does not decide when an error is raised.
"""

from __future__ import annotations

import difflib
import errno
import traceback
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
LONGEST_LINE = 300


class ExitCode(IntEnum):
    """What the program's exit code says about a run."""

    DONE = 0
    FAILED = 1
    WRONG_INPUT = 2
    INTERRUPTED = 130


class AcquisitionError(Exception):
    """An error whose text is one line that says what, where and what to do. Ends a run with exit code 1."""

    exit_code: int = ExitCode.FAILED.value
    retryable = False

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class InputError(AcquisitionError):
    """Wrong input of the user (a folder, a file, a date, the policy). Ends a run with exit code 2."""

    exit_code = ExitCode.WRONG_INPUT.value


class ContractError(AcquisitionError):
    """A table that breaks its contract. The partition in the lake is left as it was."""


class QuarantineError(AcquisitionError):
    """Too many bad input rows. Nothing downstream runs and the lake's tables are left as they were."""


class LakeError(AcquisitionError):
    """A partition of the lake that cannot be read or written."""


class SourceUnavailableError(AcquisitionError):
    """A source or target that may be back in a moment (connection lost, lock held): worth a retry."""

    retryable = True


# The engine's words repeat cells of the rows that it reads, so they are never shown. Its classes are.
ENGINE_ERRORS = {
    "OutOfMemoryException": "out of memory or spill space",
    "ArrowMemoryError": "out of memory",
    "ConversionException": "a value cannot be read as the type of its column",
    "TypeMismatchException": "a value cannot be read as the type of its column",
    "OutOfRangeException": "a value is out of the range of its type",
    "ConstraintException": "a value breaks a rule of its table",
    "BinderException": "the query names a column, function or type that does not exist",
    "CatalogException": "the query names a table, function or type that does not exist",
    "ParserException": "the query is not valid SQL",
    "SyntaxException": "the query is not valid SQL",
    "PermissionException": "the engine may not do what the query asks for",
    "NotImplementedException": "the engine cannot do what the query asks for",
    "ArrowNotImplementedError": "the file uses a feature that cannot be read",
    "HTTPException": "the object store did not answer as expected",
    "ConnectionException": "the connection was lost",
    "InterruptException": "interrupted",
    "SerializationException": "the file is damaged or not of the expected format",
    "InvalidInputException": "the file is damaged or not of the expected format",
    "ArrowInvalid": "the file is damaged or not of the expected format",
    "ArrowTypeError": "a value cannot be read as the type of its column",
    "ArrowKeyError": "the file lacks a column that is needed",
    "IOException": "a file cannot be read or written",
    "InternalException": "the engine failed inside",
    "FatalException": "the engine failed inside",
    "ArrowException": "the file is damaged or not of the expected format",
    "Error": "the file is damaged or not of the expected format",
}
"""What an error of DuckDB or Arrow means, by its class; `Error` itself is what DuckDB raises for a damaged file."""
ENGINE_MODULES = ("duckdb", "_duckdb", "pyarrow")
DISK_WORDS = {
    "no space left": "no space is left on the disk",
    "disk quota exceeded": "the disk quota is used up",
    "file too large": "the file would be larger than is allowed",
    "permission denied": "the right to read or write is missing",
    "read-only file system": "the file system is read-only",
    "too many open files": "too many files are open",
    "no files found": "the file is not there",
    "no such file": "the file is not there",
    "is a directory": "it is a folder",
    "no magic bytes": "the file is damaged or not of the expected format",
    "input/output error": "the disk reports an error",
    "not enough disk space": "no space is left on the disk",
    "unexpected end of gzip": "the file is damaged or not of the expected format",
}
"""What the operating system says within an IOException, and what is shown for it."""


def first_line(error: object) -> str:
    """Return the first line of an error's text that is not blank, at most 300 characters, else its class.

    It may hold personal data and secrets: show it only where the text is known to be the project's own.
    """
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line[:LONGEST_LINE].rstrip(".")


def describe_engine_error(error: BaseException) -> str:
    """Return what an error of DuckDB or Arrow means, never its own words: they repeat cells of the rows it reads."""
    for kind in type(error).__mro__:
        known = kind.__module__.split(".")[0] in ENGINE_MODULES and kind.__name__ in ENGINE_ERRORS
        if known and kind.__name__ == "IOException":
            text = str(error).lower()
            return next((ours for words, ours in DISK_WORDS.items() if words in text), ENGINE_ERRORS["IOException"])
        if known and not (kind.__name__ == "InvalidInputException" and "InternalException" in type(error).__name__):
            return ENGINE_ERRORS[kind.__name__]
    return type(error).__name__


def describe_error(error: BaseException) -> str:
    """Return what any exception means in one line, without words that may repeat personal data or secrets.

    Errors of the project say it themselves, those of the operating system by their number, those of the engine by
    their class. Of any other only the class is known to be safe.
    """
    if isinstance(error, AcquisitionError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeError):
        return "the text is not in the expected encoding"
    if isinstance(error, OSError):
        return _describe_os_error(error)
    if isinstance(error, ImportError):
        return f"the module {error.name} cannot be loaded" if error.name else "a module cannot be loaded"
    return describe_engine_error(error)


def _describe_os_error(error: OSError) -> str:
    reason = error.strerror if error.errno in errno.errorcode and error.strerror else type(error).__name__
    return f"{error.filename}: {reason}" if isinstance(error.filename, (str, Path)) else str(reason)


def describe_defect(error: BaseException) -> str:
    """Return the line for an exception that nobody expected: what it means, and the line of the package it came from.

    The exception's own text is left out, as it may repeat personal data.
    """
    place = next(
        (
            f"{Path(frame.filename).relative_to(PACKAGE)}:{frame.lineno}"
            for frame in reversed(traceback.extract_tb(error.__traceback__))
            if Path(frame.filename).is_relative_to(PACKAGE)
        ),
        None,
    )
    where = f" at {place}" if place else ""
    name = type(error).__name__
    meaning = describe_error(error)
    return f"unexpected {name}{where}{'' if meaning == name else f' ({meaning})'}; please report it with this line"


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an exception, or one that it came from, says that memory ran out."""
    while error is not None:
        text = str(error).lower()
        if isinstance(error, MemoryError) or (
            isinstance(error, (ImportError, OSError, RuntimeError))
            and ("cannot allocate memory" in text or "failed to map segment" in text or "out of memory" in text)
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean x?)" for the known name that is nearest to a wrong one, or nothing."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f" (did you mean {close[0]}?)" if close else ""

"""Reads text files as they lie on disk: packed or not, with or without a mark, in UTF-8 or in a named encoding.

Does not split text into rows and cells (see `sources.csv_text`).
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import duckdb
import pyarrow as pa

from acquisition_assets.core.errors import AcquisitionError, InputError

CHUNK = 1 << 20
LONGEST_LINE = 16 << 20
"""The longest line that is read, in bytes; a longer one is a broken line."""
MOST_EXPANSION = 200
"""How many times as long as a packed file its text may be, from `LEAST_EXPANDED` bytes; logs reach about 50."""
LEAST_EXPANDED = 1 << 28
UTF8_MARK = codecs.BOM_UTF8
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
UNREADABLE = (duckdb.Error, pa.ArrowException, OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error)
"""What reading a file raises where the file is at fault."""
NAME_IT = "name the encoding of the files with ACQUISITION_SOURCE_ENCODING (such as windows-1252), or save it as UTF-8"


def unreadable(file: Path, error: BaseException) -> InputError:
    """Return the error of a file that cannot be read, in words of the project: a library's may hold cells."""
    remedy = "repair or remove it"
    if isinstance(error, PermissionError):
        reason, remedy = "no right to read it", "give the user that runs this the right to"
    elif isinstance(error, FileNotFoundError):
        reason = "nothing is there, as where a link leads nowhere"
    elif isinstance(error, gzip.BadGzipFile):
        reason = "it is not a gzip file, or a damaged one"
    elif isinstance(error, EOFError):
        reason = "it is cut off"
    elif isinstance(error, zlib.error):
        reason = "its packed data are damaged"
    elif isinstance(error, OSError) and error.errno:
        reason = os.strerror(error.errno).lower()
    elif file.name.lower().endswith(".parquet"):
        reason = "it is damaged, or not a Parquet file"
    else:
        reason = "it is damaged, or not what its name says"
    return InputError(f"{file} cannot be read ({reason}); {remedy}")


def require_encoding(name: str) -> str:
    """Return Python's name of an encoding.

    Raises:
        InputError: there is none of this name.
    """
    try:
        found = codecs.lookup(name).name
        "".encode(found)
    except (LookupError, ValueError):
        raise InputError(
            f"ACQUISITION_SOURCE_ENCODING={name!r} is not an encoding; name one such as windows-1252, latin-1 or utf-8"
        ) from None
    return found


@contextlib.contextmanager
def open_bytes(file: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, unpacked."""
    with gzip.open(file, "rb") if file.name.lower().endswith(".gz") else file.open("rb") as stream:
        yield cast(BinaryIO, stream)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write a file of our own into an error that names it."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else type(error).__name__
        raise AcquisitionError(f"{path} cannot be written ({reason}); make room there") from None


def encoding_of(start: bytes, named: str | None) -> str:
    """Return the encoding of a file that begins with these bytes: its mark decides, then the name given, then UTF-8."""
    if start.startswith(UTF16_MARKS):
        return "utf-16"
    return "utf-8" if start.startswith(UTF8_MARK) or named is None else named


def start_of(file: Path, named: str | None) -> tuple[str, str]:
    """Return the first megabyte of a file as text, without a mark, and the file's encoding.

    Raises:
        InputError: it is not text, or not in the named encoding.
    """
    with open_bytes(file) as stream:
        start = stream.read(CHUNK)
    encoding = encoding_of(start, named)
    try:
        is_utf8 = encoding == "utf-8"  # whose broken lines are refused, or quarantined, when all are known
        decoder = codecs.getincrementaldecoder(encoding)("replace" if is_utf8 else "strict")
        text = decoder.decode(start, final=False).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise _misnamed(file, encoding) from None
    if re.search(r"[\x00-\x08\x0e-\x1f]", re.split(r"[\r\n]", text, maxsplit=1)[0]):
        raise InputError(f"{file} is not text, as its name says; convert or remove it, or {NAME_IT}")
    return text, encoding


def require_whole(file: Path) -> None:
    """Read a packed file to its end, which proves its length and its checksum.

    Raises:
        EOFError, gzip.BadGzipFile, zlib.error: it is cut off or damaged.
        InputError: it would fill the disk.
    """
    most, size = max(LEAST_EXPANDED, MOST_EXPANSION * file.stat().st_size), 0
    with open_bytes(file) as stream:
        while part := stream.read(CHUNK):
            size += len(part)
            if size > most:
                raise InputError(
                    f"{file} unpacks to more than {MOST_EXPANSION} times its size, which no export does; unpack it "
                    "if it is meant to be so"
                )


def write_utf8(file: Path, encoding: str, copy: Path) -> None:
    """Write a file's text in UTF-8, without a mark.

    Raises:
        InputError: it is not in that encoding.
    """
    with open_bytes(file) as source, io.TextIOWrapper(source, encoding=encoding, newline="") as text:
        with writing(copy):
            target = copy.open("wb")
        with target:
            while True:
                try:
                    chunk = text.read(CHUNK)
                except UnicodeDecodeError:
                    raise _misnamed(file, encoding) from None
                if not chunk:
                    return
                with writing(copy):
                    target.write(chunk.encode("utf-8", errors="replace"))


def _misnamed(file: Path, encoding: str) -> InputError:
    return InputError(f"{file} is not text in {encoding}; {NAME_IT}")

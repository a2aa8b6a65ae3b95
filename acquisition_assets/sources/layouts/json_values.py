"""Finds the records in JSON text: the values of an array, at a path or at the top, one after the other and unparsed.

Does not take a record apart (see `layouts.records`); the text is never held as a whole.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from acquisition_assets.core.errors import InputError
from acquisition_assets.sources.text import CHUNK, LONGEST_LINE, open_bytes, require_whole, writing

DEEPEST = 512
"""Levels of JSON around and inside a record."""
_STRING = r'"(?:[^"\\]|\\.)*"'
_TOKEN = re.compile(rf"{_STRING}|[{{}}\[\]]|[^\s{{}}\[\]:,\"]+", re.DOTALL)
_STRUCTURE = re.compile(rf"{_STRING}|[{{}}\[\]]", re.DOTALL)
_KEY = re.compile(rf"({_STRING})\s*:\s*", re.DOTALL)


class TruncatedError(Exception):
    """The text ends within a value."""


class TooDeepError(Exception):
    """The text is nested deeper than `DEEPEST`."""


class TooLongError(Exception):
    """A record is longer than a line may be."""


def keys_of(path: str | None) -> tuple[str, ...]:
    """Return the keys of a path such as $.data.events."""
    found = re.findall(r"\.(?:\"([^\"]+)\"|([\w-]+))", path or "")
    return tuple(quoted or plain for quoted, plain in found)


def values_at(read: Callable[[], str], keys: Sequence[str]) -> Iterator[str]:
    """Yield the records of a JSON text: the items of the array at the keys, or the value itself if it is no array.

    Without keys, they are the values of the text, or the items of each that is an array.

    Args:
        read: returns the next part of the text, empty at its end.

    Raises:
        TruncatedError, TooDeepError, TooLongError: the text is not such JSON; what came before was yielded.
    """
    scanner = _Scanner(read)
    while scanner.peek():
        yield from _records(scanner, list(keys))


def _records(scanner: _Scanner, keys: list[str]) -> Iterator[str]:
    first = scanner.peek()
    if keys and first == "{":
        yield from _inside(scanner, keys)
    elif keys:
        scanner.value()
    elif first == "[":
        yield from scanner.items()
    else:
        yield scanner.value()


def _inside(scanner: _Scanner, keys: list[str]) -> Iterator[str]:
    """Yield the records below a key of the object that comes next; at most as deep as there are keys."""
    scanner.skip("{")
    while (key := scanner.key()) is not None:
        if key == keys[0]:
            yield from _records(scanner, keys[1:])
        else:
            scanner.value()


class _Scanner:
    """A position in a text that is read in parts; `_text` begins at the oldest character that is still needed."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self._text, self._at, self._is_over = "", 0, False

    def peek(self) -> str:
        """Return the next character that is no blank, comma or colon; empty at the end."""
        while True:
            found = re.compile(r"[^\s,:]").search(self._text, self._at)
            if found:
                self._at = found.start()
                return found[0]
            self._at = len(self._text)
            if not self._more():
                return ""

    def skip(self, character: str) -> None:
        """Go past a character."""
        if self.peek() != character:
            raise TruncatedError
        self._at += 1

    def items(self) -> Iterator[str]:
        """Yield the items of the array that comes next."""
        self.skip("[")
        while (following := self.peek()) != "]":
            if not following:
                raise TruncatedError
            yield self.value()
        self._at += 1

    def key(self) -> str | None:
        """Return the next key of an object, or None and go past its end."""
        following = self.peek()
        if following == "}":
            self._at += 1
            return None
        while not (found := _KEY.match(self._text, self._at)):
            if following != '"' or len(self._text) - self._at > LONGEST_LINE or not self._more():
                raise TruncatedError
        self._at = found.end()
        return found[1][1:-1]

    def value(self) -> str:
        """Return the text of the next value."""
        first = self.peek()
        if first in "]}" or not first:
            raise TruncatedError
        if first not in "{[":
            return self._plain()
        depth, at = 0, self._at
        while True:
            found = _STRUCTURE.search(self._text, at)
            quote = self._text.find('"', at, found.start() if found else len(self._text))
            if found is None or quote >= 0:  # what is left is a string whose end was not read yet
                at = (quote if quote >= 0 else len(self._text)) - self._at
                if not self._more():
                    raise TruncatedError
                at += self._at
                continue
            at = found.end()
            if found[0] in "{[":
                depth += 1
                if depth > DEEPEST:
                    raise TooDeepError
            elif found[0] in "}]":
                depth -= 1
                if depth == 0:
                    return self._take(at)

    def _plain(self) -> str:
        """Return a text, number or word."""
        while True:
            found = _TOKEN.match(self._text, self._at)
            if found and (found.end() < len(self._text) or self._is_over):
                return self._take(found.end())
            if not self._more():
                if found:
                    return self._take(found.end())
                raise TruncatedError

    def _take(self, end: int) -> str:
        value, self._at = self._text[self._at : end], end
        return value

    def _more(self) -> bool:
        """Read the next part; return whether there was one."""
        if len(self._text) - self._at > LONGEST_LINE:
            raise TooLongError
        part = "" if self._is_over else self._read()
        self._is_over = not part
        self._text, self._at = self._text[self._at :] + part, 0
        return bool(part)


def write_values(file: Path, encoding: str, keys: Sequence[str], copy: Path) -> None:
    """Write the records of a JSON file to a file, one a line.

    Raises:
        InputError: it is cut off, nested too deeply, or has a record that is too long.
    """
    if file.name.lower().endswith(".gz"):
        require_whole(file)
    with open_bytes(file) as source, io.TextIOWrapper(source, encoding=encoding, errors="replace") as text:
        first = text.read(1).removeprefix("\ufeff")
        parts = iter([first] if first else [])
        with writing(copy):
            target = copy.open("w", encoding="utf-8", errors="replace", newline="")
        with target, writing(copy):
            try:
                for value in values_at(lambda: next(parts, "") or text.read(CHUNK), keys):
                    target.write(re.sub(r"[\r\n]+", " ", value) + "\n")
            except TruncatedError:
                raise InputError(f"{file} is not whole JSON: it ends within a value; export it again") from None
            except TooDeepError:
                raise InputError(f"{file} has JSON that is nested deeper than {DEEPEST} levels; flatten it") from None
            except TooLongError:
                raise InputError(
                    f"{file} has a JSON record of more than {LONGEST_LINE >> 20} MB; name the path of the array that "
                    "holds the records with records.at in the layout"
                ) from None


def sample_values(text: str, keys: Sequence[str], most: int) -> list[str]:
    """Return the first records of a JSON text that may be cut off."""
    found: list[str] = []
    parts = iter([text])
    try:
        for value in values_at(lambda: next(parts, ""), keys):
            found.append(value)
            if len(found) == most:
                break
    except (TruncatedError, TooDeepError, TooLongError):
        pass
    return found

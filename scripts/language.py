"""Finds words that the project does not use, in docstrings, comments and documentation.

The words and their replacements are in docs/glossary.md; spelling is left to codespell.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = ROOT / "docs" / "glossary.md"
HEADING = "## Words that the check refuses"
COMMENTS = {".sql": "--", ".sh": "#", ".yaml": "#", ".yml": "#", ".toml": "#", "Makefile": "#"}
"""What begins a comment, by the ending or the name of a file."""
LEFT_OUT = ("docs/glossary.md", "acquisition_assets_tests/data/")

Line = tuple[int, str]


def refused_words(glossary: str) -> dict[str, str]:
    """Return each refused word of the glossary with what to write instead."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", glossary.partition(HEADING)[2], re.MULTILINE)
    return {word.strip(): instead.strip() for word, instead in rows[2:]}


def prose_of(name: str, text: str) -> Iterator[Line]:
    """Yield the numbered lines of a file that people read: its documentation, not its code."""
    path = Path(name)
    if path.suffix == ".md":
        yield from enumerate(text.splitlines(), 1)
    elif path.suffix == ".py":
        yield from _docstrings(text)
        yield from _comments(text)
    else:
        mark = COMMENTS.get(path.suffix) or COMMENTS.get(path.name)
        for number, line in enumerate(text.splitlines(), 1):
            if mark and mark in line:
                yield number, line.partition(mark)[2]


def findings(name: str, text: str, refused: Mapping[str, str]) -> list[str]:
    """Return one line for each refused word in the prose of a file, in the order of the lines."""
    words = {word: re.compile(rf"\b{re.escape(word)}\b", re.IGNORECASE) for word in refused}
    return [
        f'{name}:{number}: "{word}"; write: {refused[word]}'
        for number, line in sorted(prose_of(name, text))
        for word, pattern in words.items()
        if pattern.search(line)
    ]


def _docstrings(text: str) -> Iterator[Line]:
    """Yield the lines of strings that are statements: docstrings, also those below an assignment."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from enumerate(node.value.value.splitlines(), node.lineno)


def _comments(text: str) -> Iterator[Line]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def tracked_files() -> list[str]:
    """Return the files that are or will be under version control."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    known = (".md", ".py", *COMMENTS)
    return [
        name for name in listed if name.endswith(known) and not name.startswith(LEFT_OUT) and (ROOT / name).is_file()
    ]


def main() -> int:
    """Print every finding; the exit code is 1 if there is one."""
    refused = refused_words(GLOSSARY.read_text(encoding="utf-8"))
    found = [
        finding
        for name in tracked_files()
        for finding in findings(name, (ROOT / name).read_text(encoding="utf-8"), refused)
    ]
    sys.stdout.write("".join(f"{finding}\n" for finding in found))
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())

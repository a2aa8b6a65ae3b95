"""Makes a text safe to show: no secret, no e-mail address, nothing invisible, one line.

Every text for people and for Dagster's event log goes through `sanitize`. Does not decide where texts are shown.
"""

from __future__ import annotations

import re
from typing import Any

MASK = "•••"
LONGEST_SECRET_URL = 4096
# A URL's password, also after a Path has made one slash of two; up to the last @, as passwords may hold one.
_URL_PASSWORD = re.compile(r"([a-z][a-z0-9+.-]*:/{1,2}[^\s:/@]*):\S*@", re.IGNORECASE)
_DATABASE_PASSWORD = re.compile(r"(postgres(?:ql)?:/{0,2}[^\s:/@]*):.*@", re.IGNORECASE)
# `user:password@` where no `://` says that it is a URL.
_BARE_PASSWORD = re.compile(r"(?<![\w+.-])(\w[\w+.-]*:)(?!/).*@")
_NAMED_SECRET = re.compile(
    r"((?:password|passwd|passfile|pwd|secret|token|api_?key|access_?key)\s?=\s?)(?:'[^']*'|\"[^\"]*\"|[^\s&;,'\"]+)",
    re.IGNORECASE,
)
_LOCAL = r"[^\s@<>\"'(),;:=|/\\\[\]{}`•&?%]"
# An address, also one that is percent-encoded in a URL. What follows two slashes is the user of a URL.
_EMAIL = re.compile(
    rf"(?<!://)(?<!{_LOCAL})(?:({_LOCAL})(?:{_LOCAL}|%(?!40))*|\"[^\"@\n]{{1,64}}(?:@[^\"@\n]*)?\"|(?<=[^\s@•]))"
    r"(?:@|%40)(\[|[^\s@<>\"'(),;:=|/\\{}`•&?\[\]])[^\s@<>\"'(),;:=|/\\{}`•&?\[\]]*"
)


def masked_email(email: str | None) -> str:
    """Return an address that its owner may recognise, and nobody else: `a•••@e•••`."""
    if not email:
        return "-"
    name, _, place = email.strip().rpartition("@")
    return f"{name[:1]}{MASK}@{place[:1]}{MASK}" if name and place else MASK


def holds_password(text: str) -> bool:
    """Whether a text has a password: in a URL, in its parameters, or in what was meant to be a URL."""
    return _without_secrets(text) != text


def sanitize(text: object) -> str:
    """Return a text as one line that is safe to show: passwords and e-mail addresses masked, nothing invisible."""
    line = _without_secrets(re.sub(r"\s", " ", re.sub(r"[\r\n\t\v\f]+", " ", str(text))))
    if "@" in line or "%40" in line:
        line = _EMAIL.sub(_masked_match, line)
    return line if line.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


def sanitize_lines(text: str) -> str:
    """Return a text of several lines with each line safe to show."""
    return "\n".join(map(sanitize, text.splitlines()))


def sanitize_json(value: Any) -> Any:
    """Return a JSON value whose texts, keys included, are each safe to show."""
    if isinstance(value, dict):
        return {sanitize(name): sanitize_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [sanitize_json(each) for each in value]
    return sanitize(value) if isinstance(value, str) else value


clean = sanitize


def _without_secrets(line: str) -> str:
    if "=" in line:
        line = _NAMED_SECRET.sub(rf"\1{MASK}", line)
    if "@" in line:
        line = _DATABASE_PASSWORD.sub(rf"\1:{MASK}@", line)
        line = re.sub(r"\S+", _word_without_secrets, line)
    return line


def _word_without_secrets(word: re.Match[str]) -> str:
    """Return a word without the password of a URL; a word is looked at once, so that long texts take no longer."""
    text = word[0]
    if "@" not in text or len(text) > LONGEST_SECRET_URL:
        return text if "@" not in text else MASK
    return _BARE_PASSWORD.sub(rf"\1{MASK}@", _URL_PASSWORD.sub(rf"\1:{MASK}@", text))


def _masked_match(address: re.Match[str]) -> str:
    return f"{address[1] or ''}{MASK}@{address[2]}{MASK}"

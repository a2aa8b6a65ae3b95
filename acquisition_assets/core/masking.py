"""Here: what may be shown of a text: no secret, no e-mail address, nothing invisible, one line.

Not here: where texts are shown.
"""

from __future__ import annotations

import re

MASK = "•••"
# A URL's password, also after a Path has made one slash of two; up to the last @, as passwords may hold one.
_URL_PASSWORD = re.compile(r"([a-z][a-z0-9+.-]*:/{1,2}[^\s:/@]*):\S*@", re.IGNORECASE)
_DATABASE_PASSWORD = re.compile(r"(postgres(?:ql)?:/{1,2}[^\s:/@]*):.*@", re.IGNORECASE)
_NAMED_SECRET = re.compile(r"((?:password|passwd|secret|token)=)[^\s&;,'\"]+", re.IGNORECASE)
# What follows two slashes is the user of a URL.
_EMAIL = re.compile(r"(?<!//)(?<![\w.+%-])([\w+%-])[\w.+%-]*@(\w)[\w-]*(?:\.[\w-]+)+")


def masked_email(email: str | None) -> str:
    """An address that its owner may recognise, and nobody else: `a•••@e•••`."""
    if not email:
        return "-"
    name, _, place = email.strip().rpartition("@")
    return f"{name[:1]}{MASK}@{place[:1]}{MASK}" if name and place else MASK


def holds_password(text: str) -> bool:
    """Whether there is a password in a URL or in its parameters."""
    return any(secret.search(text) for secret in (_DATABASE_PASSWORD, _URL_PASSWORD, _NAMED_SECRET))


def clean(text: object) -> str:
    """A text from outside, safe to print."""
    line = re.sub(r"[\r\n\t\v\f]+", " ", str(text))
    for password in (_DATABASE_PASSWORD, _URL_PASSWORD):
        line = password.sub(rf"\1:{MASK}@", line)
    line = _NAMED_SECRET.sub(rf"\1{MASK}", line)
    line = _EMAIL.sub(rf"\1{MASK}@\2{MASK}", line)
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)

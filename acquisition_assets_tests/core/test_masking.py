"""Protects what may be shown of a text: no secret, no e-mail address, nothing invisible, one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.core.masking import MASK, holds_password, masked_email, sanitize, sanitize_lines


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("ana.lopez@example.com", f"a{MASK}@e{MASK}"),
        (" x@y ", f"x{MASK}@y{MASK}"),
        ('"a@b"@example.com', f'"{MASK}@e{MASK}'),
        ("no address", MASK),
        ("@example.com", MASK),
        ("", "-"),
        (None, "-"),
    ],
)
def test_masked_email(email: str | None, shown: str) -> None:
    assert masked_email(email) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        # secrets
        ("postgresql://me:secret@host/db is down", f"postgresql://me:{MASK}@host/db is down"),
        ("folder postgresql:/me:se@c/r et@host/db", f"folder postgresql:/me:{MASK}@host/db"),
        ("s3://key:se@cret@bucket/x", f"s3://key:{MASK}@bucket/x"),
        ("host=h password=abc dbname=d", f"host=h password={MASK} dbname=d"),
        ("host=h password = 'a b' dbname=d", f"host=h password = {MASK} dbname=d"),
        ("db?sslpassword=abc&x=1", f"db?sslpassword={MASK}&x=1"),
        ("x?api_key=abc&y=1", f"x?api_key={MASK}&y=1"),
        # what was meant to be a URL
        ("postgres:PW@x", f"postgres:{MASK}@x"),
        ("postgresql//u:PW@h/d", f"postgresql//u:{MASK}@h/d"),
        ("postgresql:u:PW@h/d", f"postgresql:{MASK}@h/d"),
        ("u:PW@h/d", f"u:{MASK}@h/d"),
        ("URL 'u:PW@h/d' is wrong", f"URL 'u:{MASK}@h/d' is wrong"),
        # addresses
        ("lead ana.lopez+x@mail.example.com!", f"lead a{MASK}@m{MASK}"),
        ("josé@ejemplo.es; ana@localhost", f"j{MASK}@e{MASK}; a{MASK}@l{MASK}"),
        ("https://x.com/?e=ana%40example.com&b=1", f"https://x.com/?e=a{MASK}@e{MASK}&b=1"),
        ('{"email":"y@z.com","a":1}', f'{{"email":"y{MASK}@z{MASK}","a":1}}'),
        ("<Ana> '\"a b\"@x.com'", f"<Ana> '{MASK}@x{MASK}'"),
        # what is neither
        ("postgresql://me@db.example.com:5432/crm", "postgresql://me@db.example.com:5432/crm"),
        ("see http://127.0.0.1:3000/assets/x?view=checks", "see http://127.0.0.1:3000/assets/x?view=checks"),
        ("  Técnicas · 日本 🙂 [bold] 12:30", "  Técnicas · 日本 🙂 [bold] 12:30"),
        # one printable line
        ("two\nlines\r\n\tand more", "two lines and more"),
        ("\x1b[31mred\x07", "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_sanitize(text: str, shown: str) -> None:
    assert sanitize(text) == shown
    assert sanitize(shown) == shown


def test_lines_stay_lines() -> None:
    assert sanitize_lines("a@b.c\n x\x07") == f"a{MASK}@b{MASK}\n x\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://u:p@h/d", True),
        ("u:p@h", True),
        ("postgresql://u@h/d?password=x", True),
        ("postgresql://u@h:5432/d", False),
        ("/data/ana@example.com", False),
    ],
)
def test_holds_password(text: str, expected: bool) -> None:
    assert holds_password(text) == expected


@given(st.text())
def test_sanitize_is_one_printable_line_and_settled(text: str) -> None:
    assert sanitize(text).isprintable()
    assert sanitize(sanitize(text)) == sanitize(text)


@given(st.emails(), st.sampled_from(["", *"<\"' (=é/|[{,:", "lead:"]), st.text(max_size=3))
def test_no_address_passes(email: str, before: str, after: str) -> None:
    assert email not in sanitize(before + email + after)


WORKS = {"s3cret", "pass/word", "p@ss", "a:b", "x#y?z"}


@given(
    st.sampled_from(sorted(WORKS)),
    st.sampled_from(["postgresql://u:{}@h/d", "postgresql:/u:{}@h", "s3://k:{}@b", "u:{}@h"]),
)
def test_no_password_of_a_url_passes(password: str, url: str) -> None:
    assert password not in sanitize(f"the place {url.format(password)} is wrong")

"""Protects what output may show of a text: e-mail addresses are masked and control characters are removed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.core.masking import MASK, clean, masked_email


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
        ("mail to:ana.lopez+x@mail.example.com!", f"mail to:a{MASK}@m{MASK}!"),
        ("postgresql://me:secret@host/db is down", f"postgresql://me:{MASK}@host/db is down"),
        ("folder postgresql:/me:se@c/r et@host/db", f"folder postgresql:/me:{MASK}@host/db"),
        ("s3://key:se@cret@bucket/x", f"s3://key:{MASK}@bucket/x"),
        ("postgresql://me@db.example.com:5432/crm", "postgresql://me@db.example.com:5432/crm"),
        ("host=h password=abc dbname=d", f"host=h password={MASK} dbname=d"),
        ("db?sslpassword=abc&x=1", f"db?sslpassword={MASK}&x=1"),
        ("two\nlines\r\n\tand more", "two lines and more"),
        ("\x1b[31mred\x07", "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}"),
        ("  Técnicas · 日本 🙂 [bold]", "  Técnicas · 日本 🙂 [bold]"),
    ],
)
def test_clean(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text())
def test_clean_is_one_printable_line(text: str) -> None:
    assert clean(text).isprintable()


@given(st.emails(domains=st.sampled_from(["example.com", "mail.example.org"])))
def test_no_plain_address_passes(email: str) -> None:
    name = email.split("@")[0]
    if name.isalnum() and len(name) > 1:
        assert email not in clean(f"<{email}> {email}")

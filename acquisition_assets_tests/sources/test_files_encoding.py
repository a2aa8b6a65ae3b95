"""Protects rows from files in the wrong encoding: only lines that cannot be decoded are quarantined."""

from __future__ import annotations

from pathlib import Path

import pytest

from acquisition_assets_tests.kit.running import compute_day, rows

DAY = "2025-01-10"
HEADER = "lead_id,status,created_at,email,utm_campaign\n"


@pytest.mark.parametrize("column", [0, 3, 4])
def test_a_line_that_is_not_utf8_is_quarantined_and_the_others_are_read(tmp_path: Path, column: int) -> None:
    source, lake = tmp_path / "source", tmp_path / "lake"
    source.mkdir()
    cells = ["bad", "new", "2025-01-01", "x", "y"]
    cells[column] += "José"
    lines = [HEADER, "ana,new,2025-01-01,añb,ñ\n", ",".join(cells) + "\n", "caro,new,2025-01-01,b,ñ\n"]
    (source / "leads.csv").write_bytes(
        b"".join(line.encode("latin-1" if n == 2 else "utf-8") for n, line in enumerate(lines))
    )
    run = compute_day(source, lake, DAY)
    assert run.errors == ""
    assert [row["lead_id"] for row in rows(lake, "raw_leads", DAY)] == ["ana", "caro"]
    assert [row["reason"] for row in rows(lake, "quarantine", DAY)] == ["broken line"]
    assert run.metadata["raw_leads"]["rows_read"] == 3

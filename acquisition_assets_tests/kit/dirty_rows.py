"""Generates the rows of dirty sources for property tests: repeated ids, odd times, unknown words, broken lines.

The forms of files are left to commands/test_dirty_folders.py, typed worlds to random_world.py.
"""

from __future__ import annotations

from hypothesis import strategies as st

from acquisition_assets_tests.kit.ingesting import DAY

Lines = dict[str, list[str]]
SECRET = "ana.secret@example.org"
DAYS = ("2025-01-08", "2025-01-09", DAY)
FUTURE = "2025-02-01"
LEAD_IDS = ("a", "B", "1", "1.0", SECRET, SECRET.upper(), "f", "")
OTHER_IDS = (*LEAD_IDS, "alias", "eve")
TIMES = ("2025-01-07", "2025-01-08T10:00Z", "2025/01/09 9:30", "1736416800", "Fri, 10 Jan 2025 08:00:00 +0100", DAY)
BAD_TIMES = (FUTURE, "soon", "31/12/2024", "", SECRET)
HEADERS = {
    "leads": "lead_id,status,created_at,updated_at,engagement_score,unsubscribed_at,email",
    "events": "event_id,lead_id,event_type,occurred_at,is_machine",
    "referrals": "referral_id,referrer_lead_id,status,created_at,updated_at",
    "content": "content_id,content_type,title,published_at",
    "status_changes": "lead_id,status,changed_at",
    "aliases": "alias_id,lead_id",
    "spend": "day,channel,amount,currency",
}
GOOD_LEAD = "good,new,2025-01-01,,,,"


def _line(*cells: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*cells).map(",".join)


def _word(*words: str) -> st.SearchStrategy[str]:
    return st.sampled_from(words)


TIME = st.one_of(_word(*TIMES), _word(*TIMES), _word(*BAD_TIMES)).map(lambda time: f'"{time}"')
STATUS = _word("new", " NURTURING", "mql", "closed-won", "lost", "nonsense", "")
LINES = {
    "leads": _line(_word(*LEAD_IDS), STATUS, TIME, TIME, _word("", "3", "-1", "many"), TIME, _word("", SECRET)),
    "events": _line(
        _word("e1", "e2", "e3", ""),
        _word(*OTHER_IDS),
        _word("sent", "Open", "click", "soft_bounce", "seen", ""),
        TIME,
        _word("", "yes", "perhaps"),
    ),
    "referrals": _line(_word("r1", "r2", ""), _word(*OTHER_IDS), _word("pending", "fraud", "won"), TIME, TIME),
    "content": _line(_word("c1", "c2", ""), _word("blog", "case-study", ""), _word("Title", ""), TIME),
    "status_changes": _line(_word(*OTHER_IDS), STATUS, TIME),
    "aliases": _line(_word("alias", "a", "f", "x", SECRET, ""), _word("a", "B", "f", "x", "alias", "eve", "")),
    "spend": _line(
        TIME,
        _word("google_ads", "Pa id", ""),
        _word("3.5", "0", "-1", "1e999", "-inf", "nan", "many", ""),
        _word("EUR", "eur", ""),
    ),
}
BROKEN = _word('"never closed', f"{',' * 8}more", SECRET)
SOURCES = st.fixed_dictionaries(
    {table: st.lists(st.one_of(line, line, line, line, line, BROKEN), max_size=9) for table, line in LINES.items()}
)


def whole_tables(lines: Lines) -> dict[str, str]:
    """Return the CSV text of each table with these lines; there is one lead that is good."""
    whole = {**lines, "leads": [GOOD_LEAD, *lines["leads"]]}
    return {table: "\n".join([HEADERS[table], *whole[table]]) + "\n" for table in HEADERS}

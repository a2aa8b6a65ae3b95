"""Follows aliases to the leads at their ends, and merges the rows of leads that became one.

Does not resolve the ids of other tables: they are kept as read, and `features` resolves them when a day is computed.
"""

from __future__ import annotations

from acquisition_assets.inputs.vocabulary import STATUSES
from acquisition_assets.raw.duplicates import newest_first
from acquisition_assets.raw.rows import (
    ALIAS_CYCLE,
    CHECKED,
    KNOWN_LEADS,
    SUPERSEDED,
    UNKNOWN_LEAD,
    Reading,
    Run,
    listed,
    own_columns,
    value_rows,
)
from acquisition_assets.raw.windows import instant

CHECKED_LEADS = "checked_leads"
ALIAS_ENDS = "alias_ends"
MERGED = "merged_leads"
# How far a status goes; an inactive half of a lead that is not inactive is forgotten.
RANKS = {status: rank for rank, status in enumerate(STATUSES) if status != "inactive"}


def follow_aliases(run: Run) -> bool:
    """Make ALIAS_ENDS: each good alias with the lead at the end of its chain; mark those that have none in CHECKED.

    Each round doubles the steps that are followed, so a chain of a thousand needs ten; what still names an alias after
    as many rounds as the longest chain could need is in a cycle or leads into one.

    Returns:
        Whether there are any good aliases.
    """
    run.connection.execute(
        f"create or replace temp table {ALIAS_ENDS} as "
        f"select alias_id, lead_id, lead_id as final_lead_id from {CHECKED} where problem is null"
    )
    aliases = run.number(f"select count(*) from {ALIAS_ENDS}")
    for _ in range(aliases.bit_length()):
        run.connection.execute(
            f"create or replace temp table {ALIAS_ENDS} as select a.alias_id, a.lead_id, "
            f"coalesce(b.final_lead_id, a.final_lead_id) as final_lead_id from {ALIAS_ENDS} as a "
            f"left join {ALIAS_ENDS} as b on a.final_lead_id = b.alias_id"
        )
    for code, is_bad in (
        (ALIAS_CYCLE, f"final_lead_id in (select alias_id from {ALIAS_ENDS})"),
        (UNKNOWN_LEAD, f"final_lead_id not in (select known_id from {KNOWN_LEADS})"),
    ):
        bad = f"select alias_id from {ALIAS_ENDS} where {is_bad}"
        run.connection.execute(f"update {CHECKED} set problem = {code} where problem is null and alias_id in ({bad})")
    run.connection.execute(
        f"delete from {ALIAS_ENDS} where alias_id not in (select alias_id from {CHECKED} where problem is null)"
    )
    return bool(run.number(f"select count(*) from {ALIAS_ENDS}"))


def merge_leads(run: Run, reading: Reading) -> int:
    """Make MERGED: what the rows that became one lead say together; mark the others than the lead's own as superseded.

    A lead of the future that was merged with one of before is added to CHECKED_LEADS.

    Args:
        reading: of the leads.

    Returns:
        How many leads of the future were added.
    """
    halves = f"select alias_id from {ALIAS_ENDS}"
    ranks = " ".join(f"when '{status}' then {rank}" for status, rank in RANKS.items())
    run.connection.execute(
        f"create or replace temp table {MERGED} as select final_lead_id, min(created_at) as created_at, "
        "min(engaged_at) as engaged_at, min(converted_at) as converted_at, min(unsubscribed_at) as unsubscribed_at, "
        f"bool_or(unsubscribed_unreadable) as unsubscribed_unreadable, max(case status {ranks} end) as rank "
        f"from {CHECKED_LEADS} join {ALIAS_ENDS} on {CHECKED_LEADS}.lead_id = alias_id where problem is null group by 1"
    )
    run.connection.execute(
        f"update {CHECKED_LEADS} set problem = {SUPERSEDED} where problem is null and lead_id in ({halves})"
    )
    missing = (
        f"select final_lead_id from {MERGED} where final_lead_id not in "
        f"(select lead_id from {CHECKED_LEADS} where problem is null)"
    )
    if not run.number(f"select count(*) from ({missing})"):
        return 0
    later = value_rows(reading, f"p_created_at >= {instant(run.end)} and p_lead_id in ({missing})")
    columns = listed(reading.table)
    before = run.number(f"select count(*) from {CHECKED_LEADS}")
    run.connection.execute(
        f"insert into {CHECKED_LEADS} by name select {columns}, {own_columns(reading)}place, unread, "
        "unreadable, false as holds_older "
        f"from {later} where cell_problem is null "
        f"qualify row_number() over (partition by lead_id order by {newest_first(run, reading.table)}) = 1"
    )
    return run.number(f"select count(*) from {CHECKED_LEADS}") - before


def merged_columns(*, are_merged: bool) -> dict[str, str]:
    """Return the SQL of the stored columns of a lead that say what its rows say together.

    Args:
        are_merged: whether the rows are joined with MERGED as `m`.
    """
    times = ("created_at", "engaged_at", "converted_at", "unsubscribed_at")
    if not are_merged:
        return {f"merged_{time}": time for time in (*times, "inactive_at")} | {"merged_status": "status"}
    names = " ".join(f"when {rank} then '{status}'" for status, rank in RANKS.items())
    ranks = " ".join(f"when '{status}' then {rank}" for status, rank in RANKS.items())
    return {
        **{f"merged_{time}": f"least({time}, m_{time})" for time in times},
        "merged_inactive_at": "inactive_at",
        "merged_status": "case when status = 'inactive' then status "
        f"else case greatest(case status {ranks} end, m_rank) {names} end end",
        "unsubscribed_unreadable": "unsubscribed_unreadable or coalesce(m_unsubscribed_unreadable, false)",
    }


def leads_with_merges() -> str:
    """Return the accepted leads joined with what was merged into them."""
    columns = ("created_at", "engaged_at", "converted_at", "unsubscribed_at", "unsubscribed_unreadable", "rank")
    merged = ", ".join(f"{name} as m_{name}" for name in columns)
    return (
        f"(select * from {CHECKED_LEADS} left join (select final_lead_id, {merged} from {MERGED}) "
        "on lead_id = final_lead_id where problem is null)"
    )

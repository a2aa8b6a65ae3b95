"""Shows the newest day of a lake and its trends as a Streamlit page, each part one query to `lake.duckdb`.

What the tables hold is left to their contracts. No e-mail address is read. Start it with `make bi`.
"""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import streamlit as st

LAKE = Path(os.environ.get("ACQUISITION_LAKE", "lake/sample")).expanduser() / "lake.duckdb"
HEADLINES = """
select
    (select max(date) from current_dynamic_scores) as day,
    (select count(*) from current_lead_activity) as "Leads",
    (select round(avg(score), 2) from current_dynamic_scores) as "Mean score",
    (select count(*) from current_lead_segments where segment = 'ready_to_convert') as "Ready to convert",
    (select count(*) from current_anomalies) as "Anomalies"
"""
TRENDS = """
select day, new_leads as "New leads", completions as "Completions", referrals_created as "Referrals"
from current_daily_metrics order by day
"""
SEGMENTS = "select segment, count(*) as leads from current_lead_segments group by segment order by leads desc, segment"
SIZES = "select date, segment, count(*) as leads from lead_segments group by all order by date"
CHANNELS = """
select channel, total_leads as leads, engagement_rate, engagement_rate_low as low, engagement_rate_high as high
from current_social_performance order by total_leads desc, channel
"""
ANOMALIES = """
select severity, message, recommendation from current_anomalies
order by case severity when 'high' then 1 when 'medium' then 2 else 3 end, message
"""


def main() -> None:
    """Draw the page, with the lake as it is now."""
    st.set_page_config(page_title="Acquisition", layout="wide")
    st.title("Acquisition")
    if not LAKE.is_file():
        st.error(f"There is no {LAKE}. Name the lake with ACQUISITION_LAKE, or write it with: acquisition views")
        return
    with duckdb.connect(str(LAKE), read_only=True) as lake:
        day, *numbers = lake.execute(HEADLINES).fetchone() or (None,)
        names = [column[0] for column in lake.description][1:]
        if day is None:
            st.info("The lake has no day yet. Make one with: acquisition run")
            return
        st.caption(f"As of the end of {day}")
        for place, name, number in zip(st.columns(len(names)), names, numbers, strict=True):
            place.metric(name, f"{number:,}")
        st.subheader("Each day")
        st.line_chart(lake.execute(TRENDS).df(), x="day")
        left, right = st.columns(2)
        left.subheader("Segments")
        left.dataframe(lake.execute(SEGMENTS).df(), hide_index=True)
        left.line_chart(lake.execute(SIZES).df(), x="date", y="leads", color="segment")
        right.subheader("Channels")
        right.dataframe(lake.execute(CHANNELS).df(), hide_index=True)
        st.subheader("Anomalies")
        st.table(lake.execute(ANOMALIES).df())


main()

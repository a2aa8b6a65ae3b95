-- Grain: one row per day that was read, with what was known of the source. Key: date. Reads: source_state.
select
    date,
    read_at,
    is_stale_leads,
    is_stale_events
from source_state
order by date

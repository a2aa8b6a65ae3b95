-- Grain: one row per change of a lead's status, with the time at which the next one ends it. Key: lead_id, read_order.
-- Reads: day_status_changes. Of equal times the last that was read counts: the spans of the others are empty.
select
    lead_id,
    status,
    read_order,
    changed_at as from_at,
    lead(changed_at) over (partition by lead_id order by changed_at, read_order) as until_at
from day_status_changes

-- Grain: one row per segment and lead whose membership differs from the newest earlier day. Key: segment, lead_id.
-- Reads: lead_segments (of the day), previous_segments (of the newest earlier day).
-- Parameter: $has_previous; without an earlier day nothing has changed.
select
    coalesce(today.segment, before.segment) as segment,
    coalesce(today.lead_id, before.lead_id) as lead_id,
    case when before.lead_id is null then 'entered' else 'left' end as change
from lead_segments as today
full outer join previous_segments as before
    on today.segment = before.segment and today.lead_id = before.lead_id
where $has_previous and (today.lead_id is null or before.lead_id is null)

-- Grain: one row with the number of leads, and of those whose channel is unknown. Reads: lead_activity.
-- Parameter: $created_from, the start of the window.
select
    count(*) as leads,
    count(case when channel_class = 'unknown' then 1 end) as unknown_leads
from lead_activity
where created_at >= $created_from

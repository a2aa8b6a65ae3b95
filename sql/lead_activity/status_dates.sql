-- Grain: one row with the number of leads, and of those whose status is undated. Reads: staged (lead_activity).
select
    count(*) as leads,
    count(case when not status_is_dated then 1 end) as undated_leads
from staged

-- Grain: one row with the numbers of the day's leads. Reads: staged (lead_activity).
select
    count(*) as leads,
    count(case when may_be_mailed then 1 end) as leads_that_may_be_mailed,
    count(case when status = 'engaged' then 1 end) as leads_with_status_engaged,
    count(case when status = 'converted' then 1 end) as leads_with_status_converted,
    count(case when opens_7d > 0 then 1 end) as leads_that_opened_in_7_days
from staged

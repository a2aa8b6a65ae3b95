-- Grain: one row per segment with members, with the number that may be mailed. Key: segment.
-- Reads: staged (lead_segments), lead_activity.
select
    staged.segment,
    count(case when activity.may_be_mailed then 1 end) as leads
from staged
inner join lead_activity as activity on staged.lead_id = activity.lead_id
group by 1

-- Grain: one row per segment with a member under either policy: its leads under both, who enters and who leaves.
-- Key: segment. Reads: segments_before, segments_after.
select
    coalesce(present.segment, changed.segment) as segment,
    count(present.lead_id) as leads_before,
    count(changed.lead_id) as leads_after,
    count(case when present.lead_id is null then 1 end) as entering,
    count(case when changed.lead_id is null then 1 end) as leaving
from segments_before as present
full outer join segments_after as changed
    on present.segment = changed.segment and present.lead_id = changed.lead_id
group by 1
order by 1

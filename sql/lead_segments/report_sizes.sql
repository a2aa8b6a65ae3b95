-- Grain: one row per segment with members. Key: segment. Reads: staged (lead_segments).
select
    segment,
    count(*) as leads
from staged
group by 1

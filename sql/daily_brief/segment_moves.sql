-- Grain: one row per segment with a change on the day. Key: segment. Reads: segment_changes.
select
    segment,
    count(case when change = 'entered' then 1 end) as entered,
    count(case when change = 'left' then 1 end) as departed
from segment_changes
group by segment

-- Grain: one row: memberships that were entered and left. Reads: staged (segment_changes).
select
    count(case when change = 'entered' then 1 end) as entered,
    count(case when change = 'left' then 1 end) as departed
from staged

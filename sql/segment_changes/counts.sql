-- Grain: one row with the number of memberships that began and ended. Reads: staged (segment_changes).
select
    count(case when change = 'entered' then 1 end) as entered,
    count(case when change = 'left' then 1 end) as departed
from staged

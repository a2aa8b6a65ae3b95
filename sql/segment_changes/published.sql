-- Grain: one row with the growth of memberships according to the staged changes. Reads: staged (segment_changes).
select
    cast(
        coalesce(sum(case when change = 'entered' then 1 else -1 end), 0) as bigint
    ) as growth
from staged

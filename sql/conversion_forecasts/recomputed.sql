-- Grain: one row. Key: none. Reads: lead_activity. The ranks of n leads, 1 to n, sum to n (n + 1) / 2.
select
    count(*) as leads,
    cast(count(*) * (count(*) + 1) / 2 as bigint) as ranks
from lead_activity
where status in ('new', 'nurturing', 'engaged')

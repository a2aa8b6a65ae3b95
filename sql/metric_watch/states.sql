-- Grain: one row per state that a metric or channel has. Key: state. Reads: staged.
select
    state,
    count(*) as metrics
from staged
group by 1

-- Grain: one row with the size of the staged metric_history. Reads: staged.
select
    count(distinct concat(metric, ' ', coalesce(channel, ''))) as series,
    count(distinct channel) as channels,
    count(case when value is null then 1 end) as days_without_data
from staged

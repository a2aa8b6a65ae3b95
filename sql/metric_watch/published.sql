-- Grain: one row of totals of the staged metric_watch. Reads: staged.
select
    count(*) as metrics,
    count(case when state = 'no_data' then 1 end) as metrics_without_data,
    count(case when day_observed > 0 then 1 end) as metrics_seen
from staged

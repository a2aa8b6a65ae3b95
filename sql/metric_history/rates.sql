-- Grain: one row per rate of the day $day that has trials. Key: metric. Reads: staged (metric_history).
select
    metric,
    cast(value as double) / trials as rate
from staged
where day = $day and channel is null and trials > 0
order by metric

-- Grain: one row per day and metric of all channels, with its last day that had data. Key: date, metric.
-- Reads: stale_history (metric_history of the days that were not fresh).
select
    date,
    metric,
    max(day) as newest
from stale_history
where channel is null and value is not null
group by 1, 2

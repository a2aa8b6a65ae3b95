-- Grain: one row with the totals of metric_watch, from the history alone. Reads: metric_history, judged_day.
select
    count(*) as metrics,
    count(case when value is null then 1 end) as metrics_without_data,
    count(case when value > 0 then 1 end) as metrics_seen
from metric_history
where day = (select max(day) from judged_day)

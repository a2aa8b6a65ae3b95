-- Grain: one row per metric and channel that is flagged on the day. Reads: metric_watch. Parameter: $day.
select
    metric,
    channel,
    state
from metric_watch
where day = $day and date = $day and state in ('drop', 'spike', 'slow_decline')

-- Grain: one row per metric and channel that is flagged on the day. Reads: staged. The least likely comes first.
select
    metric,
    channel,
    state,
    observed,
    expected,
    change
from staged
where state in ('drop', 'spike', 'slow_decline')
order by p_value, metric, coalesce(channel, '')

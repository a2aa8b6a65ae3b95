-- Grain: one row with the number of metrics and channels that the staged incidents saw on the day.
-- Reads: staged. Parameter: $day.
select count(*) as seen
from staged
where last_seen_on = $day and direction in ('drop', 'spike')

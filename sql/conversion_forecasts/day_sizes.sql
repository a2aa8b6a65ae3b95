-- Grain: one row with the number of events. Key: none. Reads: day_events.
select count(*) as events
from day_events

-- Grain: one row per rule that found an anomaly on the day. Key: type. Reads: anomalies. Parameter: $day.
select type
from anomalies
where date = $day

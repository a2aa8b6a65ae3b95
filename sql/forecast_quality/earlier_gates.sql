-- Grain: one row per earlier day: whether its model passed the gate, the newest first. Key: date.
-- Reads: past_quality (forecast_quality of the earlier days).
select
    date,
    gate_passed
from past_quality
where candidate = 'learned'
order by date desc

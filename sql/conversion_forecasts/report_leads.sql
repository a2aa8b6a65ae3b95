-- Grain: one row per lead of the first ranks, the first first. Key: lead_id. Reads: staged (conversion_forecasts).
-- Parameter: $length.
select
    lead_id,
    forecast_probability,
    forecast_low,
    forecast_high,
    lift,
    priority,
    top_factors
from staged
where rank <= $length
order by rank

-- Grain: one row per priority and method: its leads, and the conversions expected among them. Key: priority, method.
-- Reads: staged (conversion_forecasts).
select
    priority,
    method,
    count(*) as leads,
    sum(forecast_probability) as expected_conversions
from staged
group by priority, method
order by priority, method

-- Grain: one row per forecast of a past day, with what became of its lead within the horizon. Key: lead_id.
-- Reads: past_forecasts (conversion_forecasts of that day), lead_histories. Parameters: $past_end_at (T of that day) and
-- $horizon_us. A lead that converted without a time has no outcome.
select
    forecasts.lead_id,
    forecasts.forecast_probability,
    forecasts.forecast_low,
    forecasts.forecast_high,
    coalesce(
        histories.converted_at >= $past_end_at
        and epoch_us(histories.converted_at) - epoch_us($past_end_at) < $horizon_us, false
    ) as is_converted
from past_forecasts as forecasts
inner join lead_histories as histories on forecasts.lead_id = histories.lead_id
where forecasts.forecast_probability is not null and not histories.is_undated_conversion
order by forecasts.lead_id

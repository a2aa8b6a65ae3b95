-- Grain: one row per row of `forecast_rows`: its lead as raw_leads would show it, with nothing that has no time. Key: lead_id.
-- Reads: forecast_rows, lead_histories. Parameter: $end_at (T).
-- Its times are moved by the distance of the cut-off from T, so that the features of T are those of the cut-off.
select
    forecast_rows.row_key as lead_id,
    cast(null as varchar) as email,
    'organic' as source,
    cast(null as varchar) as utm_source,
    cast(null as varchar) as utm_medium,
    cast(null as varchar) as utm_campaign,
    cast(null as varchar) as referrer_host,
    cast(null as varchar) as interest_area,
    0.0 as engagement_score,
    make_timestamptz(epoch_us(histories.created_at) + epoch_us($end_at) - epoch_us(forecast_rows.cut_at))
        as merged_created_at,
    cast(null as timestamptz) as merged_engaged_at,
    cast(null as timestamptz) as merged_converted_at,
    cast(null as timestamptz) as merged_inactive_at,
    cast(null as timestamptz) as merged_unsubscribed_at,
    'new' as merged_status,
    false as unsubscribed_unreadable
from forecast_rows
inner join lead_histories as histories on forecast_rows.lead_id = histories.lead_id

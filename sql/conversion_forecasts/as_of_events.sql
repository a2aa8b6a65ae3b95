-- Grain: one row per row of `forecast_rows` and event before its cut-off, as raw_events would show it. Key: lead_id, event_id.
-- Reads: forecast_rows, sampled_events, foreign_events. Parameter: $end_at (T).
-- A lead's id and a delivery's carry the row, and times are moved by the distance of the cut-off from T. An event of
-- another lead is there for its delivery alone: it belongs to no row. Types of content make no feature.
select
    forecast_rows.row_key as lead_id,
    events.event_id,
    forecast_rows.row_key || '/' || events.delivery_id as delivery_id,
    cast(null as varchar) as derived_delivery_id,
    events.event_type,
    'other' as content_type,
    make_timestamptz(epoch_us(events.occurred_at) + epoch_us($end_at) - epoch_us(forecast_rows.cut_at)) as occurred_at,
    events.is_machine,
    events.local_hour,
    events.local_weekday,
    events.date
from forecast_rows
inner join sampled_events as events
    on forecast_rows.lead_id = events.lead_id and forecast_rows.cut_at > events.occurred_at
union all
select
    '-' || forecast_rows.row_key as lead_id,
    events.event_id,
    forecast_rows.row_key || '/' || events.delivery_id as delivery_id,
    cast(null as varchar) as derived_delivery_id,
    events.event_type,
    'other' as content_type,
    make_timestamptz(epoch_us(events.occurred_at) + epoch_us($end_at) - epoch_us(forecast_rows.cut_at)) as occurred_at,
    events.is_machine,
    events.local_hour,
    events.local_weekday,
    events.date
from forecast_rows
inner join foreign_events as events
    on forecast_rows.lead_id = events.lead_id and forecast_rows.cut_at > events.occurred_at

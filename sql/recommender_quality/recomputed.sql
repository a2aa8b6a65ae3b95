-- Grain: one row: items of the catalogue as of T, and readings of the last days, counted lead by lead.
-- Reads: catalogue, lead_items. Parameters: $end_at, $cold_steps.
with recent as (
    select count(*) as readings
    from lead_items
    where read_age < $cold_steps
)

select
    count(case when coalesce(catalogue.retired_at >= $end_at, true) then catalogue.content_id end) as items,
    max(recent.readings) as readings,
    cast(1 as bigint) as chosen_methods
from recent
left join catalogue on catalogue.content_id is not null

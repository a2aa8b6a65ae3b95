-- Grain: one row: items of the catalogue as of T, and readings of the last days, counted lead by lead.
-- Reads: catalogue, lead_items. Parameters: $end_at, $cold_steps.
with recent as (
    select count(*) as readings
    from lead_items
    where read_age < $cold_steps
),

current_items as (
    select count(*) as items
    from catalogue
    where coalesce(retired_at >= $end_at, true)
)

select
    current_items.items as least_items,
    current_items.items as most_items,
    recent.readings as least_readings,
    recent.readings as most_readings,
    cast(1 as bigint) as chosen_methods
from recent
cross join current_items

-- Grain: one row: items of the catalogue as of T, and readings of the last days, counted lead by lead.
-- Reads: catalogue, lead_items. Parameters: $end_at, $cold_steps.
select
    count(case when coalesce(retired_at >= $end_at, true) then 1 end) as items,
    (select count(*) from lead_items where read_age < $cold_steps) as readings,
    cast(1 as bigint) as chosen_methods
from catalogue

-- Grain: one row per staged membership of a lead in the fixed sample. Reads: staged (lead_segments), facts.
select
    segment,
    lead_id
from staged
where lead_id in (
        select lead_id from facts
        order by lead_id limit $length
    )

-- Grain: one row per lead of a fixed sample. Key: lead_id. Reads: facts. Parameter: $length, the number of leads.
select *
from facts
order by lead_id
limit $length

-- Grain: one row: the leads created in the window. Reads: raw_leads. Parameters: $start and $end.
select count(*) as leads
from raw_leads
where created_at >= $start and created_at < $end

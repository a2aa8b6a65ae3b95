-- Grain: one row: leads in any segment. Reads: staged (lead_segments).
select count(distinct lead_id) as leads
from staged

-- Grain: one row with the number of leads in any segment. Reads: staged (lead_segments).
select count(distinct lead_id) as leads
from staged

-- Grain: one row: the leads created in the window. Reads: raw_leads. Parameters: $since and $until.
select count(*) as leads
from raw_leads
where merged_created_at >= $since and merged_created_at < $until

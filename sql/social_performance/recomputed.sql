-- Grain: one row with the number of leads created in the window. Reads: raw_leads. Parameters: $since and $until, the window.
select count(*) as leads
from raw_leads
where merged_created_at >= $since and merged_created_at < $until

-- Grain: one row with the leads created in the two windows. Reads: raw_leads.
-- Parameters: $short_from and $long_from, the starts of the windows, and $end_at (T), their end.
select
    count(case when merged_created_at >= $short_from then 1 end) as leads_short,
    count(*) as leads_long,
    count(*) as leads_of_classes
from raw_leads
where merged_created_at >= $long_from and merged_created_at < $end_at

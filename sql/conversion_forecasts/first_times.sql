-- Grain: one row. Key: none. Reads: lead_histories.
-- The first creation and the first conversion in the history: cut-offs before them would have nothing to learn from.
select
    min(created_at) as first_created_at,
    min(converted_at) as first_converted_at,
    count(*) as leads,
    count(converted_at) as conversions,
    count(case when is_undated_conversion then 1 end) as undated_conversions,
    count(case when is_undated_inactive then 1 end) as undated_inactive
from lead_histories

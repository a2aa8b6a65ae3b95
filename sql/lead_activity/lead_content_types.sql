-- Grain: one row per lead that completed a delivery of the history, with the sorted content types. Key: lead_id.
-- Reads: deliveries. Parameter: $history_from.
select
    lead_id,
    list_sort(array_agg(content_type)) as content_types
from (
    select distinct
        lead_id,
        content_type
    from deliveries
    where completed_at is not null and coalesce(sent_at, first_event_at) >= $history_from
) as completed
group by lead_id

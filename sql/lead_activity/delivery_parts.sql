-- Grain: one row per delivery, lead and content type named by its events, with the times of the first event of each kind.
-- Key: delivery_id, lead_id, content_type. Reads: raw_events. The events of a delivery nearly always agree, which gives one row.
select
    coalesce(delivery_id, derived_delivery_id) as delivery_id,
    lead_id,
    content_type,
    min(occurred_at) as first_event_at,
    min(case when event_type = 'sent' then occurred_at end) as sent_at,
    min(case when event_type in ('opened', 'clicked', 'completed') and not is_machine then occurred_at end)
        as opened_at,
    min(case when event_type = 'completed' and not is_machine then occurred_at end) as completed_at,
    min(case when event_type = 'sent' then date end) as sent_date,
    min(case when event_type = 'completed' and not is_machine then date end) as completed_date
from raw_events
group by 1, 2, 3

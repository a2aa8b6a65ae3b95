-- Grain: one row per delivery, lead and content type that its events name, with the times of its first events of each kind.
-- Key: delivery_id, lead_id, content_type. Reads: raw_events. Events of one delivery nearly always agree: it is one row then.
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

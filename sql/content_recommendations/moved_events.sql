-- Grain: one row per event whose delivery belongs to another lead, by that lead. Key: event_id.
-- Reads: raw_events, item_deliveries.
select
    events.event_id,
    deliveries.lead_id,
    coalesce(events.content_id, deliveries.content_id) as content_id,
    events.event_type,
    events.is_machine,
    events.occurred_at
from raw_events as events
inner join item_deliveries as deliveries on events.delivery_id = deliveries.delivery_id
where events.lead_id <> deliveries.lead_id

-- Grain: one row per sampled lead and event of another lead in a delivery that has events of both.
-- Key: lead_id, event_id. Reads: day_events, sampled_events, shared_deliveries.
-- Whose delivery it is its earliest event decides (mixed_deliveries), so a lead's row needs all events of the delivery.
with pairs as (
    select distinct
        sampled_events.lead_id,
        sampled_events.delivery_id
    from sampled_events
    inner join shared_deliveries as shared on sampled_events.delivery_id = shared.delivery_id
    where sampled_events.is_named
)

select
    pairs.lead_id,
    events.event_id,
    events.delivery_id,
    events.event_type,
    events.occurred_at,
    events.is_machine,
    events.local_hour,
    events.local_weekday,
    events.date
from day_events as events
inner join pairs on events.delivery_id = pairs.delivery_id
where pairs.lead_id <> events.lead_id

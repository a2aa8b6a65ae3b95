-- Grain: one row per sampled lead and event of another lead in a delivery that has events of both.
-- Key: lead_id, event_id. Reads: day_events, sampled_events.
-- Whose delivery it is its earliest event decides (mixed_deliveries), so a lead's row needs all events of the delivery.
with touched as (
    select
        event_id,
        lead_id,
        delivery_id,
        event_type,
        occurred_at,
        is_machine,
        local_hour,
        local_weekday,
        date
    from day_events
    where
        delivery_id is not null
        and hash(delivery_id) in (
            select hash(delivery_id)
            from sampled_events
            where is_named
        )
),

shared as (
    select delivery_id
    from touched
    group by delivery_id
    having min(lead_id) <> max(lead_id)
),

pairs as (
    select distinct
        sampled_events.lead_id,
        sampled_events.delivery_id
    from sampled_events
    inner join shared on sampled_events.delivery_id = shared.delivery_id
    where sampled_events.is_named
)

select
    pairs.lead_id,
    touched.event_id,
    touched.delivery_id,
    touched.event_type,
    touched.occurred_at,
    touched.is_machine,
    touched.local_hour,
    touched.local_weekday,
    touched.date
from pairs
inner join touched on pairs.delivery_id = touched.delivery_id
where pairs.lead_id <> touched.lead_id

-- Grain: one row per delivery whose events name several leads or content types. Key: delivery_id.
-- Reads: delivery_parts, raw_events. The earliest event (ties: the smallest event_id) decides the delivery's lead and type.
-- Deliveries are found by the hash of their id, which needs a fraction of the memory of the ids. One found only because it
-- shares a hash does no harm: its events agree.
with events as (
    select
        event_id,
        coalesce(delivery_id, derived_delivery_id) as delivery_id,
        lead_id,
        content_type,
        occurred_at
    from raw_events
),

mixed as (
    select
        delivery_id,
        lead_id,
        content_type,
        row_number() over (partition by delivery_id order by occurred_at, event_id) as place
    from events
    where
        hash(delivery_id) in (
            select hash(delivery_id)
            from delivery_parts
            group by 1
            having count(*) > 1
        )
)

select
    delivery_id,
    lead_id,
    content_type
from mixed
where place = 1

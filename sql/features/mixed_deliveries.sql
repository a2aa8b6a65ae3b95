-- Grain: one row per delivery whose events name several leads or content types. Key: delivery_id.
-- Reads: delivery_parts, raw_events. Whose delivery it is, and of what type, is told by its earliest event (of equal times,
-- the smallest event_id).
with mixed as (
    select
        coalesce(events.delivery_id, events.derived_delivery_id) as delivery_id,
        events.lead_id,
        events.content_type,
        row_number() over (
            partition by coalesce(events.delivery_id, events.derived_delivery_id)
            order by events.occurred_at, events.event_id
        ) as place
    from raw_events as events
    where
        coalesce(events.delivery_id, events.derived_delivery_id) in (
            select delivery_id
            from delivery_parts
            group by delivery_id
            having count(*) > 1
        )
)

select
    delivery_id,
    lead_id,
    content_type
from mixed
where place = 1

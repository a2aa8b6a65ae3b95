-- Grain: one row per delivery whose events name several leads or content types. Key: delivery_id.
-- Reads: delivery_parts, raw_events. Whose delivery it is, and of what type, is told by its earliest event (of equal times,
-- the smallest event_id). They are found by the hash of their id, which needs a fraction of the memory of the ids; a
-- delivery too many that shares a hash does no harm, as all of its events name the same.
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

-- Grain: one row per delivery whose events name several leads, or where only some events name the item.
-- Key: delivery_id. Reads: raw_events. A delivery belongs to the lead of its earliest event; an event without an item
-- belongs to the item of its delivery.
with found as (
    select
        delivery_id,
        min(content_id) as content_id,
        min(lead_id) as lead_id,
        max(lead_id) as last_lead_id
    from raw_events
    where delivery_id is not null
    group by delivery_id
    having min(lead_id) <> max(lead_id) or (count(content_id) > 0 and count(content_id) < count(*))
),

placed as (
    select
        events.delivery_id,
        events.lead_id,
        row_number() over (partition by events.delivery_id order by events.occurred_at, events.event_id) as place
    from raw_events as events
    where
        events.delivery_id in (
            select found.delivery_id
            from found
            where found.lead_id <> found.last_lead_id
        )
)

select
    found.delivery_id,
    found.content_id,
    coalesce(placed.lead_id, found.lead_id) as lead_id
from found
left join placed on found.delivery_id = placed.delivery_id and placed.place = 1

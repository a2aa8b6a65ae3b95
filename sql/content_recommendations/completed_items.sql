-- Grain: one row per lead and item of a rule that the lead has ever completed. Key: lead_id, content_id.
-- Reads: raw_events, raw_content, items. A delivery belongs to the lead of its earliest event; an event
-- without an item belongs to the item of its delivery.
with known as (
    select content_id from items
    union
    select content.content_id
    from raw_content as content
    inner join items on content.content_type = items.content_type and content.title = items.title
),

item_events as (
    select
        coalesce(events.delivery_id, events.derived_delivery_id) as delivery_id,
        events.lead_id,
        events.content_id,
        events.event_type = 'completed' and not events.is_machine as is_completion
    from raw_events as events
    where events.content_id is null or events.content_id in (select known.content_id from known)
),

item_deliveries as (
    select
        delivery_id,
        min(content_id) as content_id,
        min(lead_id) as lead_id,
        max(lead_id) as last_lead_id
    from item_events
    group by delivery_id
    having count(content_id) > 0 and count(case when is_completion then 1 end) > 0
),

mixed as (
    select
        coalesce(events.delivery_id, events.derived_delivery_id) as delivery_id,
        events.lead_id,
        row_number() over (
            partition by coalesce(events.delivery_id, events.derived_delivery_id)
            order by events.occurred_at, events.event_id
        ) as place
    from raw_events as events
    where
        coalesce(events.delivery_id, events.derived_delivery_id) in (
            select delivery_id
            from item_deliveries
            where lead_id <> last_lead_id
        )
)

select distinct
    coalesce(mixed.lead_id, deliveries.lead_id) as lead_id,
    coalesce(events.content_id, deliveries.content_id) as content_id
from item_events as events
inner join item_deliveries as deliveries on events.delivery_id = deliveries.delivery_id
left join mixed on events.delivery_id = mixed.delivery_id and mixed.place = 1
where events.is_completion

-- Grain: one row per delivery (one content item sent to one lead), with the times of its first events of each kind.
-- Key: delivery_id. Reads: raw_events. A view that the other features read; it is not stored.
-- Whose delivery it is, and of what type, is told by its earliest event (of equal times, the smallest event_id).
with grouped as (
    select
        coalesce(delivery_id, derived_delivery_id) as delivery_id,
        min(lead_id) as lead_id,
        max(lead_id) as last_lead_id,
        min(content_type) as content_type,
        max(content_type) as last_content_type,
        min(occurred_at) as first_event_at,
        min(case when event_type = 'sent' then occurred_at end) as sent_at,
        min(case when event_type in ('opened', 'clicked', 'completed') and not is_machine then occurred_at end)
            as opened_at,
        min(case when event_type = 'completed' and not is_machine then occurred_at end) as completed_at,
        min(case when event_type = 'sent' then date end) as sent_date,
        min(case when event_type in ('opened', 'clicked', 'completed') and not is_machine then date end)
            as opened_date,
        min(case when event_type = 'completed' and not is_machine then date end) as completed_date
    from raw_events
    group by 1
),

mixed as (
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
            from grouped
            where lead_id <> last_lead_id or content_type <> last_content_type
        )
)

select
    grouped.delivery_id,
    coalesce(mixed.lead_id, grouped.lead_id) as lead_id,
    coalesce(mixed.content_type, grouped.content_type) as content_type,
    grouped.first_event_at,
    grouped.sent_at,
    grouped.opened_at,
    grouped.completed_at,
    grouped.sent_date,
    grouped.opened_date,
    grouped.completed_date,
    case
        when grouped.opened_at >= grouped.sent_at
            then date_diff('microsecond', grouped.sent_at, grouped.opened_at)
    end as response_us
from grouped
left join mixed on grouped.delivery_id = mixed.delivery_id and mixed.place = 1

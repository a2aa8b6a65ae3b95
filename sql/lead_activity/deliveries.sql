-- Grain: one row per delivery (one content item sent to one lead), with the times of its first events of each kind.
-- Key: delivery_id. Reads: delivery_parts, mixed_deliveries. This is a view for the other features; it is not stored.
with whole as (
    select
        parts.delivery_id,
        parts.lead_id,
        parts.content_type,
        parts.first_event_at,
        parts.sent_at,
        parts.opened_at,
        parts.completed_at,
        parts.sent_date,
        parts.completed_date
    from delivery_parts as parts
    left join mixed_deliveries as mixed on parts.delivery_id = mixed.delivery_id
    where mixed.delivery_id is null
    union all
    select
        parts.delivery_id,
        mixed.lead_id,
        mixed.content_type,
        min(parts.first_event_at) as first_event_at,
        min(parts.sent_at) as sent_at,
        min(parts.opened_at) as opened_at,
        min(parts.completed_at) as completed_at,
        min(parts.sent_date) as sent_date,
        min(parts.completed_date) as completed_date
    from delivery_parts as parts
    inner join mixed_deliveries as mixed on parts.delivery_id = mixed.delivery_id
    group by 1, 2, 3
)

select
    *,
    case when opened_at >= sent_at then epoch_us(opened_at) - epoch_us(sent_at) end as response_us
from whole

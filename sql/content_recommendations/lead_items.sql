-- Grain: one row per lead, item and day (of 24 hours before T) on which the item was sent to the lead, or the lead read
-- it. Key: lead_number, item_number, age_days. Reads: raw_events, item_deliveries, numbered_leads, catalogue.
-- Parameters: $end_us (T in microseconds), $step_us (a step of age in microseconds), and the weights of what happened.
-- Ages are whole steps before T: 0 is the last step. read_age and sent_age are those of the day's latest.
with happened as (
    select
        coalesce(deliveries.lead_id, events.lead_id) as lead_id,
        coalesce(events.content_id, deliveries.content_id) as content_id,
        events.event_type,
        $end_us - 1 - epoch_us(events.occurred_at) as age_us
    from raw_events as events
    left join item_deliveries as deliveries on events.delivery_id = deliveries.delivery_id
    where
        events.event_type = 'sent'
        or (events.event_type in ('opened', 'clicked', 'completed') and not events.is_machine)
),

aged as (
    select
        leads.lead_number,
        catalogue.item_number,
        happened.event_type,
        cast(floor(happened.age_us / 86400000000.0) as bigint) as age_days,
        cast(floor(happened.age_us / $step_us) as bigint) as age
    from happened
    inner join catalogue on happened.content_id = catalogue.content_id
    inner join numbered_leads as leads on happened.lead_id = leads.lead_id
)

select
    lead_number,
    item_number,
    age_days,
    min(case when event_type <> 'sent' then age end) as read_age,
    min(case when event_type = 'sent' then age end) as sent_age,
    max(case when event_type = 'completed' then 1 else 0 end) as completed,
    max(
        case event_type
            when 'completed' then $completed_weight
            when 'clicked' then $clicked_weight
            when 'opened' then $opened_weight
            else 0
        end
    ) as weight
from aged
group by lead_number, item_number, age_days

-- Grain: one row per lead with an event, on whichever delivery. Key: lead_id.
-- Reads: raw_events. Parameters: $history_from; the business hours.
-- Bounces, complaints and unsubscriptions count at any age, and so does the human event that ends a bounce.
select
    lead_id,
    max(case when event_type = 'sent' and occurred_at >= $history_from then occurred_at end) as last_sent_at,
    max(case when is_human and occurred_at >= $history_from then occurred_at end) as last_engaged_at,
    count(case when is_human and occurred_at >= $history_from then 1 end) as human_events,
    count(
        case
            when
                is_human and occurred_at >= $history_from
                and local_hour between $first_business_hour and $last_business_hour
                then 1
        end
    ) as business_hour_events,
    count(case when is_human and occurred_at >= $history_from and local_weekday <= $last_weekday then 1 end)
        as weekday_events,
    max(case when event_type = 'bounced' then occurred_at end) as last_bounced_at,
    max(case when is_human then occurred_at end) as last_human_at,
    count(case when event_type = 'complained' then 1 end) as complaints,
    count(case when event_type = 'unsubscribed' then 1 end) as unsubscriptions
from (
    select
        lead_id,
        event_type,
        occurred_at,
        local_hour,
        local_weekday,
        event_type in ('opened', 'clicked', 'completed') and not is_machine as is_human
    from raw_events
) as events
group by lead_id

-- Grain: one row with what anomalies need beyond the daily metrics.
-- Reads: lead_activity, raw_events (up to the examined day). Parameters: $until, the end of that day, and the limits.
-- Silent leads were sent at least $silent_deliveries since $silent_from, and have no human event on any of them.
-- If that window equals that of deliveries_7d ($is_same_window), only leads with enough deliveries_7d are examined.
with candidates as (
    select lead_id
    from lead_activity
    where created_at < $until and (deliveries_7d >= $silent_deliveries or not $is_same_window)
),

touched as (
    select coalesce(delivery_id, derived_delivery_id) as delivery_id
    from raw_events
    where lead_id in (select lead_id from candidates)
),

-- A delivery belongs to the lead of its earliest event, whichever leads its other events name.
deliveries_of_candidates as (
    select
        min({ 'occurred_at': occurred_at, 'event_id': event_id, 'lead_id': lead_id }) as first_event,
        min(case when event_type = 'sent' then occurred_at end) as sent_at,
        count(case when event_type in ('opened', 'clicked', 'completed') and not is_machine then 1 end) as human_events
    from raw_events
    where coalesce(delivery_id, derived_delivery_id) in (select delivery_id from touched)
    group by coalesce(delivery_id, derived_delivery_id)
),

silent as (
    select deliveries.first_event.lead_id as silent_lead_id
    from deliveries_of_candidates as deliveries
    where deliveries.sent_at >= $silent_from
    group by 1
    having count(*) >= $silent_deliveries and sum(deliveries.human_events) = 0
)

select
    (select min(created_at) from lead_activity) as first_lead_at,
    (
        select min(date) from raw_events
        where event_type = 'sent' and lead_id in (select lead_id from lead_activity)
    ) as first_sent_date,
    (
        select count(*) from silent
        where silent_lead_id in (select lead_id from candidates)
    ) as silent_leads

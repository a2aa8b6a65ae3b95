-- Grain: one row: what anomalies need beyond the daily metrics. Reads: raw_leads, raw_events, lead_activity.
-- Silent leads were sent $silent_deliveries or more since $silent_from and have no human event on any of these deliveries.
with candidates as (
    select lead_id
    from lead_activity
    where deliveries_7d >= $silent_deliveries or $silent_days <> $recent_days
),

deliveries_of_candidates as (
    select
        coalesce(events.delivery_id, events.derived_delivery_id) as delivery_id,
        min(events.lead_id) as lead_id,
        min(case when events.event_type = 'sent' then events.occurred_at end) as sent_at,
        count(case when events.event_type in ('opened', 'clicked', 'completed') and not events.is_machine then 1 end)
            as human_events
    from raw_events as events
    where events.lead_id in (select lead_id from candidates)
    group by 1
),

silent as (
    select lead_id
    from deliveries_of_candidates
    where sent_at >= $silent_from
    group by lead_id
    having count(*) >= $silent_deliveries and sum(human_events) = 0
)

select
    (select min(created_date) from raw_leads) as first_lead_date,
    (
        select min(date) from raw_events
        where event_type = 'sent'
    ) as first_sent_date,
    (select count(*) from silent) as silent_leads

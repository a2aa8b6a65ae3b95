-- Grain: one row per lead (or row of `forecast_rows`) with a counted event in the history: its events by type. Key: lead_id.
-- Reads: raw_events. Parameters: the starts of the windows, $history_from, $month_from and $recent_from.
-- Every event counts by itself, whatever delivery it is of; what a machine opened or clicked does not count.
with counted as (
    select
        lead_id,
        event_type,
        count(*) as events,
        count(case when occurred_at >= $recent_from then 1 end) as events_7d,
        count(case when occurred_at >= $month_from then 1 end) as events_30d,
        max(occurred_at) as last_at
    from raw_events
    where occurred_at >= $history_from and not (is_machine and event_type in ('opened', 'clicked', 'completed'))
    group by lead_id, event_type
)

select
    lead_id,
    max(case when event_type = 'sent' then events end) as sent_events,
    max(case when event_type = 'sent' then events_7d end) as sent_events_7d,
    max(case when event_type = 'sent' then last_at end) as last_sent_at,
    max(case when event_type = 'opened' then events end) as opened_events,
    max(case when event_type = 'opened' then events_7d end) as opened_events_7d,
    max(case when event_type = 'opened' then last_at end) as last_opened_at,
    max(case when event_type = 'clicked' then events end) as clicked_events,
    max(case when event_type = 'clicked' then events_7d end) as clicked_events_7d,
    max(case when event_type = 'clicked' then last_at end) as last_clicked_at,
    max(case when event_type = 'completed' then events end) as completed_events,
    max(case when event_type = 'completed' then events_7d end) as completed_events_7d,
    max(case when event_type = 'completed' then last_at end) as last_completed_at,
    max(case when event_type = 'bounced' then events end) as bounced_events,
    max(case when event_type = 'bounced' then events_7d end) as bounced_events_7d,
    max(case when event_type = 'bounced' then last_at end) as last_bounced_at,
    max(case when event_type = 'unsubscribed' then events end) as unsubscribed_events,
    max(case when event_type = 'unsubscribed' then events_7d end) as unsubscribed_events_7d,
    max(case when event_type = 'unsubscribed' then last_at end) as last_unsubscribed_at,
    max(case when event_type = 'complained' then events end) as complained_events,
    max(case when event_type = 'complained' then events_7d end) as complained_events_7d,
    max(case when event_type = 'complained' then last_at end) as last_complained_at,
    max(case when event_type = 'completed' then events_30d end) as completed_events_30d
from counted
group by lead_id

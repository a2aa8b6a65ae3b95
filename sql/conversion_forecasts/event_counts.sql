-- Grain: one row per lead (or row of `forecast_rows`) with an event in the history: its events by type. Key: lead_id.
-- Reads: raw_events. Parameters: the starts of the windows, $history_from, $month_from and $recent_from.
-- Every event counts by itself, whatever delivery it is of; what a machine opened or clicked does not count.
select
    lead_id,
    count(case when event_type = 'sent' and is_counted then 1 end) as sent_events,
    count(case when event_type = 'sent' and is_counted and occurred_at >= $recent_from then 1 end)
        as sent_events_7d,
    max(case when event_type = 'sent' and is_counted then occurred_at end) as last_sent_at,
    count(case when event_type = 'opened' and is_counted then 1 end) as opened_events,
    count(case when event_type = 'opened' and is_counted and occurred_at >= $recent_from then 1 end)
        as opened_events_7d,
    max(case when event_type = 'opened' and is_counted then occurred_at end) as last_opened_at,
    count(case when event_type = 'clicked' and is_counted then 1 end) as clicked_events,
    count(case when event_type = 'clicked' and is_counted and occurred_at >= $recent_from then 1 end)
        as clicked_events_7d,
    max(case when event_type = 'clicked' and is_counted then occurred_at end) as last_clicked_at,
    count(case when event_type = 'completed' and is_counted then 1 end) as completed_events,
    count(case when event_type = 'completed' and is_counted and occurred_at >= $recent_from then 1 end)
        as completed_events_7d,
    max(case when event_type = 'completed' and is_counted then occurred_at end) as last_completed_at,
    count(case when event_type = 'bounced' and is_counted then 1 end) as bounced_events,
    count(case when event_type = 'bounced' and is_counted and occurred_at >= $recent_from then 1 end)
        as bounced_events_7d,
    max(case when event_type = 'bounced' and is_counted then occurred_at end) as last_bounced_at,
    count(case when event_type = 'unsubscribed' and is_counted then 1 end) as unsubscribed_events,
    count(case when event_type = 'unsubscribed' and is_counted and occurred_at >= $recent_from then 1 end)
        as unsubscribed_events_7d,
    max(case when event_type = 'unsubscribed' and is_counted then occurred_at end) as last_unsubscribed_at,
    count(case when event_type = 'complained' and is_counted then 1 end) as complained_events,
    count(case when event_type = 'complained' and is_counted and occurred_at >= $recent_from then 1 end)
        as complained_events_7d,
    max(case when event_type = 'complained' and is_counted then occurred_at end) as last_complained_at,
    count(case when event_type = 'completed' and is_counted and occurred_at >= $month_from then 1 end)
        as completed_events_30d
from (
    select
        lead_id,
        event_type,
        occurred_at,
        occurred_at >= $history_from and not (is_machine and event_type in ('opened', 'clicked', 'completed'))
            as is_counted
    from raw_events
) as events
group by lead_id

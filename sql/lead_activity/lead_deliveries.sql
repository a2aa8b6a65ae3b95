-- Grain: one row per lead with a delivery in the history. Key: lead_id.
-- Reads: deliveries. Parameters: $history_from, $month_from and $recent_from, the starts of the windows.
select
    lead_id,
    count(sent_at) as deliveries_total,
    count(case when sent_at >= $recent_from then 1 end) as deliveries_7d,
    count(case when sent_at >= $month_from then 1 end) as deliveries_30d,
    count(opened_at) as opens_total,
    count(case when opened_at >= $recent_from then 1 end) as opens_7d,
    count(completed_at) as completions_total,
    count(case when completed_at >= $recent_from then 1 end) as completions_7d,
    count(case when opened_at >= $month_from then 1 end) as consumed_30d,
    sum(response_us) as response_us,
    count(response_us) as responses,
    max(opened_at) as last_opened_at
from deliveries
where coalesce(sent_at, first_event_at) >= $history_from
group by lead_id

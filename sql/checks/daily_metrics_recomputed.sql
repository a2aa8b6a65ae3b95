-- Grain: one row: the totals of daily_metrics, counted from the raw tables by time instead of by day.
-- Reads: raw_leads, raw_referrals. Parameters: $start and $end of the days.
select
    (select count(*) from raw_leads where created_at >= $start and created_at < $end) as new_leads,
    (select count(*) from raw_referrals where created_at >= $start and created_at < $end) as referrals_created

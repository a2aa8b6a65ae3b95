-- Grain: one row with the totals of metric_history, counted from the raw tables by time instead of by day.
-- Reads: raw_leads, raw_referrals. Parameters: $since and $until, the start and end of the days.
select
    (
        select count(*) from raw_leads
        where merged_created_at >= $since and merged_created_at < $until
    ) as new_leads,
    (
        select count(*) from raw_referrals
        where
            created_at >= $since and created_at < $until
            and referrer_lead_id in (select lead_id from raw_leads)
    ) as referrals_created

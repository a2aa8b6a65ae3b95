-- Grain: one row per business day since $metrics_from. Key: day. Reads: daily_counts, the counts of more days.
select
    day,
    new_leads,
    deliveries_sent,
    opened_24h,
    completions,
    referrals_created,
    referrals_fraud,
    leads_engaged,
    leads_converted
from daily_counts
where day >= $metrics_from
order by day

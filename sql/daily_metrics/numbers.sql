-- Grain: one row with the counts of the day $day. Reads: staged (daily_metrics).
select
    new_leads,
    deliveries_sent,
    completions,
    referrals_created,
    referrals_fraud,
    leads_engaged,
    leads_converted
from staged
where day = $day

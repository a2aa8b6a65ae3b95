-- Grain: one row that says whether the fraud rate is high. Reads: raw_leads, raw_referrals.
-- Parameters: $since and $until, the window; $minimum and $percent, the limits.
select
    count(*) > $minimum
    and count(case when status = 'fraud' then 1 end) * 100 > count(*) * cast($percent as decimal(18, 8))
        as high_fraud_rate
from raw_referrals
where
    created_at >= $since and created_at < $until
    and referrer_lead_id in (select lead_id from raw_leads)

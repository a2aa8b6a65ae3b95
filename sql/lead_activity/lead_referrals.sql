-- Grain: one row per lead that referred someone. Key: lead_id. Reads: raw_referrals. Parameter: $end_at (T).
-- A referral that was validated at or after T is pending on the day.
select
    referrer_lead_id as lead_id,
    count(case when status in ('pending', 'validated') then 1 end) as referrals_generated,
    count(case when status = 'validated' and (validated_at is null or validated_at < $end_at) then 1 end)
        as referrals_validated
from raw_referrals
group by referrer_lead_id

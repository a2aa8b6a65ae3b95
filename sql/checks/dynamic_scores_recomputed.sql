-- Grain: one row: the totals of dynamic_scores, counted from the raw tables. Reads: raw_leads, raw_referrals.
select
    (select count(*) from raw_leads) as leads,
    (
        select count(*) from raw_referrals
        where status in ('pending', 'validated')
    ) * $referral_points as referral_points

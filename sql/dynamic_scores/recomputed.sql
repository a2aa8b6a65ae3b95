-- Grain: one row with the totals of dynamic_scores, counted from the raw tables. Reads: raw_leads, raw_referrals.
with earned as (
    select round(cast(count(*) * $referral_points as decimal(18, 8)), 2) as points
    from raw_referrals
    where status in ('pending', 'validated') and referrer_lead_id in (select lead_id from raw_leads)
    group by referrer_lead_id
)

select
    (select count(*) from raw_leads) as leads,
    coalesce((select cast(sum(points) as double) from earned), 0.0) as referral_points

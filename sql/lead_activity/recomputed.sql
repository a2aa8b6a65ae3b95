-- Grain: one row with the totals of lead_activity, counted from the raw tables. Reads: raw_leads, raw_referrals.
select
    (select count(*) from raw_leads) as leads,
    (
        select count(*) from raw_referrals
        where status in ('pending', 'validated') and referrer_lead_id in (select lead_id from raw_leads)
    ) as referrals_generated

-- Grain: one row per referral, with the lead that its referrer's id belongs to. Key: referral_id.
-- Reads: raw_referrals_as_read, raw_aliases. Used only if there are aliases.
select
    referrals.referral_id,
    coalesce(aliases.final_lead_id, referrals.referrer_lead_id) as referrer_lead_id,
    referrals.referred_email,
    referrals.status,
    referrals.created_at,
    referrals.validated_at,
    referrals.updated_at,
    referrals.created_date
from raw_referrals_as_read as referrals
left join raw_aliases as aliases on referrals.referrer_lead_id = aliases.alias_id

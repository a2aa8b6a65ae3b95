-- Table referrals, one row per referral, key referral_id. Reads referrals whole.
select
    referral_id,
    referrer_lead_id,
    referred_email,
    status,
    created_at,
    validated_at
from referrals

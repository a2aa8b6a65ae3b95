-- Table referrals, one row per referral, key referral_id. Reads referrals whole.
-- The optional updated_at is looked up in your referrals first, then in `missing`, where it is null.
select
    referrals.referral_id,
    referrals.referrer_lead_id,
    referrals.referred_email,
    referrals.status,
    referrals.created_at,
    referrals.validated_at,
    optional.updated_at
from (select null::timestamp as updated_at) as missing
cross join referrals
cross join lateral ( -- noqa: ST05
    select updated_at
    from (select referrals.*) as own
) as optional

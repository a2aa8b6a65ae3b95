-- Table referrals, one row per referral, key referral_id. Reads referrals whole.
-- Where your referrals has no updated_at, it is null: the name is looked for there first, then in `missing`.
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

-- Table leads, one row per lead, key lead_id. Reads organic_leads whole.
-- Optional columns: each name is looked up in your organic_leads first, then in `missing`, where it is null.
select
    organic_leads.lead_id,
    organic_leads.email,
    organic_leads.source,
    organic_leads.utm_source,
    organic_leads.utm_medium,
    organic_leads.utm_campaign,
    optional.referrer_url,
    optional.landing_url,
    optional.click_ids,
    organic_leads.interest_area,
    organic_leads.status,
    organic_leads.engagement_score,
    organic_leads.referrer_lead_id,
    organic_leads.created_at,
    organic_leads.engaged_at,
    optional.converted_at,
    optional.inactive_at,
    optional.unsubscribed_at,
    optional.updated_at
from (
    select
        null::text as referrer_url,
        null::text as landing_url,
        null::text as click_ids,
        null::timestamp as converted_at,
        null::timestamp as inactive_at,
        null::timestamp as unsubscribed_at,
        null::timestamp as updated_at
) as missing
cross join organic_leads
cross join lateral ( -- noqa: ST05
    select
        referrer_url,
        landing_url,
        click_ids,
        converted_at,
        inactive_at,
        unsubscribed_at,
        updated_at
    from (select organic_leads.*) as own
) as optional

-- Table leads, one row per lead, key lead_id. Reads organic_leads whole.
-- The schema has no referrer_url, converted_at or unsubscribed_at; add them here if yours does.
select
    lead_id,
    email,
    source,
    utm_source,
    utm_medium,
    utm_campaign,
    interest_area,
    status,
    engagement_score,
    referrer_lead_id,
    created_at,
    engaged_at
from organic_leads

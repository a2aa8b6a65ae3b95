-- Grain: one row per distinct combination of a lead's channel fields. Key: all columns. Reads: raw_leads.
select distinct
    source,
    utm_source,
    utm_medium,
    referrer_host
from raw_leads

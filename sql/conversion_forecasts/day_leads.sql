-- Grain: one row per lead, with the times and the status of all rows that became it. Key: lead_id.
-- Reads: raw_leads_as_read (raw_leads by another name: that one is what lead_activity reads as of a cut-off).
select
    lead_id,
    utm_medium,
    utm_campaign,
    merged_status as status,
    merged_created_at as created_at,
    merged_engaged_at as engaged_at,
    merged_converted_at as converted_at,
    merged_inactive_at as inactive_at
from raw_leads_as_read

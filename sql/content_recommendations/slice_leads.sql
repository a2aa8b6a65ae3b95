-- Grain: one row per lead of a slice that may be recommended something, with the rules that hold. Key: lead_number.
-- Reads: numbered_leads. Parameters: $first_lead, $end_lead (numbers of leads, the second excluded).
select
    lead_number,
    area_number,
    interest_marketing,
    interest_sales,
    complement_guides,
    complement_videos,
    high_engagement,
    near_conversion,
    premium
from numbered_leads
where is_recipient and lead_number >= $first_lead and lead_number < $end_lead
order by lead_number

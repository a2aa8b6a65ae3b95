-- Grain: one row per lead, most likely to convert first. Key: lead_id.
-- Reads: staged (behavior_predictions). Parameter: $length, the number of leads.
select
    lead_id,
    status,
    engagement_score,
    completion_rate,
    avg_response_hours,
    business_hours_share,
    conversion_probability,
    predicted_next_action
from staged
order by conversion_probability desc, lead_id
limit $length

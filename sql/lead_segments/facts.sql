-- Grain: one row per lead, with every column that a criterion may name. Key: lead_id.
-- Reads: lead_activity, dynamic_scores, behavior_predictions (a lead without a prediction has no conversion_probability).
select
    activity.*,
    scores.score as engagement_score,
    predictions.conversion_probability
from lead_activity as activity
inner join dynamic_scores as scores on activity.lead_id = scores.lead_id
left join behavior_predictions as predictions on activity.lead_id = predictions.lead_id

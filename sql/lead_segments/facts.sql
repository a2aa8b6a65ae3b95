-- Grain: one row per lead, with every column that a criterion may name. Key: lead_id.
-- Reads: lead_activity, dynamic_scores, behavior_predictions, conversion_forecasts. A lead without a prediction has no
-- conversion_probability; one without a forecast (converted or inactive) has neither forecast_probability nor priority.
select
    activity.*,
    scores.score as engagement_score,
    predictions.conversion_probability,
    forecasts.forecast_probability,
    forecasts.priority
from lead_activity as activity
inner join dynamic_scores as scores on activity.lead_id = scores.lead_id
left join behavior_predictions as predictions on activity.lead_id = predictions.lead_id
left join conversion_forecasts as forecasts on activity.lead_id = forecasts.lead_id

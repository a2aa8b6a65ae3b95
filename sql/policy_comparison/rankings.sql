-- Grain: one row per evidence day and judged lead: its score and points, and whether it converted. Key: date, lead_id.
-- Reads: judged_leads, past_scores, past_predictions.
select
    leads.date,
    leads.lead_id,
    leads.is_converted,
    scores.score,
    predictions.conversion_probability as points
from judged_leads as leads
inner join past_scores as scores on leads.lead_id = scores.lead_id and leads.date = scores.date
inner join past_predictions as predictions on leads.lead_id = predictions.lead_id and leads.date = predictions.date
order by leads.date, leads.lead_id

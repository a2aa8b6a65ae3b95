-- Grain: one row per lead with an item, highest score first. Key: lead_id.
-- Reads: staged (content_recommendations), lead_activity, dynamic_scores. Parameter: $length, the number of leads.
select
    staged.lead_id,
    activity.email,
    activity.interest_area,
    scores.score as engagement_score,
    activity.consumed_content_types
from staged
inner join lead_activity as activity on staged.lead_id = activity.lead_id
inner join dynamic_scores as scores on staged.lead_id = scores.lead_id
where staged.rank = 1
order by scores.score desc, staged.lead_id
limit $length

-- Grain: one row per lead whose score changed, largest changes first. Key: lead_id.
-- Reads: staged (dynamic_scores), lead_activity. Parameter: $length, the number of leads.
select
    staged.lead_id,
    activity.email,
    staged.previous_score as old_score,
    staged.score as new_score,
    cast(round(cast(staged.score - staged.previous_score as decimal(18, 8)), 2) as double) as change
from staged
inner join lead_activity as activity on staged.lead_id = activity.lead_id
where staged.is_updated
order by abs(round(cast(staged.score - staged.previous_score as decimal(18, 8)), 2)) desc, staged.lead_id
limit $length

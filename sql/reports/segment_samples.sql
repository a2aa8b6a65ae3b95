-- Grain: one row per segment and shown lead, the highest scores first. Key: segment, place.
-- Reads: staged (lead_segments), lead_activity, dynamic_scores. Parameter: $length, how many of each segment.
select
    segment,
    lead_id,
    email,
    engagement_score,
    place
from (
    select
        staged.segment,
        staged.lead_id,
        activity.email,
        scores.score as engagement_score,
        row_number() over (partition by staged.segment order by scores.score desc, staged.lead_id) as place
    from staged
    inner join lead_activity as activity on staged.lead_id = activity.lead_id
    inner join dynamic_scores as scores on staged.lead_id = scores.lead_id
) as members
where place <= $length
order by segment, place

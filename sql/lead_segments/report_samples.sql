-- Grain: one row per segment and sampled lead, highest scores first. Key: segment, place.
-- Reads: staged (lead_segments), lead_activity, dynamic_scores. Parameter: $length, the number of leads per segment.
-- The order is a single expression, because only then DuckDB keeps no more than the first rows of each segment.
with members as (
    select
        staged.segment,
        staged.lead_id,
        scores.score as engagement_score,
        row_number() over (
            partition by staged.segment
            order by { 'descending_score': -scores.score, 'lead_id': staged.lead_id }
        ) as place
    from staged
    inner join dynamic_scores as scores on staged.lead_id = scores.lead_id
)

select
    members.segment,
    members.lead_id,
    activity.email,
    members.engagement_score,
    members.place
from members
inner join lead_activity as activity on members.lead_id = activity.lead_id
where members.place <= $length
order by members.segment, members.place

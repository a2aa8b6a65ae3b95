-- Grain: one row per item of the leads with the highest scores. Key: lead_id, rank.
-- Reads: staged (content_recommendations), dynamic_scores. Parameter: $length, the number of leads.
select
    staged.lead_id,
    staged.rank,
    staged.content_type,
    staged.title,
    staged.reason
from staged
where
    staged.lead_id in (
        select first.lead_id
        from staged as first
        inner join dynamic_scores as scores on first.lead_id = scores.lead_id
        where first.rank = 1
        order by scores.score desc, first.lead_id
        limit $length
    )
order by staged.lead_id, staged.rank

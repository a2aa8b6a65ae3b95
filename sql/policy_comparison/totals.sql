-- Grain: one row: how many leads change. Key: none. Reads: changed_leads.
select
    count(*) as leads,
    count(case when has_new_score then 1 end) as new_score,
    count(case when has_new_action then 1 end) as new_action,
    count(case when has_new_segments then 1 end) as new_segments,
    count(case when has_new_items then 1 end) as new_items,
    sum(score_before) / count(*) as mean_score_before,
    sum(score_after) / count(*) as mean_score_after,
    sum(points_before) / count(points_before) as mean_points_before,
    sum(points_after) / count(points_after) as mean_points_after
from changed_leads

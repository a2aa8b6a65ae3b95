-- Grain: one row: how many leads change. Key: none. Reads: changed_leads.
select
    count(*) as leads,
    count(case when has_new_score then 1 end) as new_score,
    count(case when has_new_action then 1 end) as new_action,
    count(case when has_new_segments then 1 end) as new_segments,
    count(case when has_new_items then 1 end) as new_items,
    avg(score_before) as mean_score_before,
    avg(score_after) as mean_score_after,
    avg(points_before) as mean_points_before,
    avg(points_after) as mean_points_after
from changed_leads

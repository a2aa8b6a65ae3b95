-- Grain: one row per lead that changes most, the largest change of the score first. Key: lead_id. Reads: changed_leads.
-- Parameter: $length.
select *
from changed_leads
where has_new_score or has_new_action or has_new_segments or has_new_items
order by abs(score_after - score_before) desc, abs(coalesce(points_after, 0) - coalesce(points_before, 0)) desc, lead_id
limit $length

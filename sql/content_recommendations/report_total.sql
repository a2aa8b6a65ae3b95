-- Grain: one row: leads with an item. Reads: staged (content_recommendations).
select count(*) as leads
from staged
where rank = 1

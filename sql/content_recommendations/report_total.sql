-- Grain: one row with the number of leads that have an item. Reads: staged (content_recommendations).
select count(*) as leads
from staged
where rank = 1

-- Grain: one row per type of recommended content. Key: content_type. Reads: staged (content_recommendations).
select
    content_type,
    count(*) as items
from staged
group by 1
order by items desc, content_type

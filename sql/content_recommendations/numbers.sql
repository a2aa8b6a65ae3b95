-- Grain: one row with the numbers of the day's recommendations. Reads: staged (content_recommendations).
select
    count(case when rank = 1 then 1 end) as leads_with_item,
    count(*) as items_recommended,
    cast(count(*) as double) / nullif(count(case when rank = 1 then 1 end), 0) as items_per_lead
from staged

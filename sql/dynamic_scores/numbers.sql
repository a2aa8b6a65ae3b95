-- Grain: one row with the numbers of the day's scores. Reads: staged (dynamic_scores).
select
    count(*) as leads,
    count(case when is_analysed then 1 end) as leads_analysed,
    count(case when is_updated then 1 end) as leads_updated,
    cast(sum(cast(score as decimal(18, 2))) as double) / nullif(count(*), 0) as mean_score,
    cast(count(case when is_updated then 1 end) as double)
    / nullif(count(case when is_analysed then 1 end), 0) as share_updated
from staged

-- Grain: one row per 5 points of the score. Key: bucket. Reads: staged (dynamic_scores).
select
    cast(least(19, floor(score / 5)) as bigint) as bucket,
    count(*) as leads
from staged
group by 1
order by 1

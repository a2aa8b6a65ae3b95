-- Grain: one row of totals of the day's scores. Reads: staged (dynamic_scores).
select
    count(case when is_updated then 1 end) as updated,
    count(case when is_analysed then 1 end) as total_analyzed,
    cast(
        round(
            cast(
                coalesce(
                    cast(sum(case when is_updated then cast(score - previous_score as decimal(18, 2)) end) as double)
                    / nullif(count(case when is_updated then 1 end), 0),
                    0.0
                ) as decimal(18, 8)
            ), 2
        ) as double
    ) as avg_score_change,
    count(case when is_updated and score > previous_score then 1 end) as increased,
    count(case when is_updated and score < previous_score then 1 end) as decreased
from staged

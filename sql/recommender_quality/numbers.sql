-- Grain: one row with the measures of the method that ranks the day's items. Reads: staged (recommender_quality).
select
    count(*) as methods_judged,
    max(case when is_chosen then judgements end) as lists_judged,
    max(case when is_chosen then ndcg end) as ndcg,
    max(case when is_chosen then hit end) as hit,
    max(case when is_chosen then coverage end) as coverage,
    max(case when is_chosen then gain end) as gain
from staged

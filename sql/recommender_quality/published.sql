-- Grain: one row of totals of the staged methods. Reads: staged.
select
    coalesce(min(items), 0) as items,
    coalesce(min(readings), 0) as readings,
    count(case when is_chosen then 1 end) as chosen_methods
from staged

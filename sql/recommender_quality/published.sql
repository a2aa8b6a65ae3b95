-- Grain: one row of totals of the staged methods. Reads: staged.
select
    coalesce(min(items), 0) as least_items,
    coalesce(max(items), 0) as most_items,
    coalesce(min(readings), 0) as least_readings,
    coalesce(max(readings), 0) as most_readings,
    count(case when is_chosen then 1 end) as chosen_methods
from staged

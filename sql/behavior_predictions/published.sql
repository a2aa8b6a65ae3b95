-- Grain: one row of totals of the staged predictions. Reads: staged.
select
    count(*) as leads,
    coalesce(sum(weekday_points), 0.0) as weekday_points
from staged

-- Grain: one row with the mean of the day's predictions. Reads: staged (behavior_predictions).
select cast(sum(cast(conversion_probability as decimal(18, 2))) as double) / nullif(count(*), 0) as mean_points
from staged

-- Grain: one row per predicted next action. Key: predicted_next_action. Reads: staged (behavior_predictions).
select
    predicted_next_action,
    count(*) as leads
from staged
group by 1

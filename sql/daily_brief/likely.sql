-- Grain: one row per day of the lake. Key: date. Reads: behavior_predictions of several days.
select
    date,
    count(case when predicted_next_action = 'likely_to_convert' then 1 end) as leads
from behavior_predictions
group by date

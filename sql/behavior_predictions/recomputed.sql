-- Grain: one row with the totals of behavior_predictions, computed from lead_activity alone. Reads: lead_activity.
select
    count(*) as leads,
    cast(
        count(case when weekday_share > $weekday_share then 1 end)
        * round(cast($weekday_points as decimal(18, 8)), 2) as double
    ) as weekday_points
from lead_activity
where status = 'new' or status = 'nurturing' or status = 'engaged'

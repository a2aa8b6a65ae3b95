-- Grain: one row: the totals of behavior_predictions, from the leads' activity alone. Reads: lead_activity.
select
    count(*) as leads,
    count(case when weekday_share > $weekday_share then 1 end) * $weekday_points as weekday_points
from lead_activity
where status = 'new' or status = 'nurturing' or status = 'engaged'

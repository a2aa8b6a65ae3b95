-- Grain: one row per predicted next action: its leads under both policies. Key: action. Reads: predictions_before,
-- predictions_after.
with changed as (
    select
        predicted_next_action as action,
        count(*) as leads
    from predictions_after
    group by 1
)

select
    coalesce(present.action, changed.action) as action,
    coalesce(present.leads, 0) as leads_before,
    coalesce(changed.leads, 0) as leads_after
from (select
    predicted_next_action as action,
    count(*) as leads
from predictions_before
group by 1) as present
full outer join changed
    on present.action = changed.action
order by action

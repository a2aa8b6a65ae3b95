-- Grain: one row per item recommended on the earlier day. Key: content_id. Reads: content_recommendations of that day,
-- raw_events. Parameter: $followed, the earlier day.
with
completed as (
    select distinct
        lead_id,
        content_id
    from raw_events
    where event_type = 'completed' and not is_machine and content_id is not null and date > $followed
)

select
    items.content_id,
    min(items.title) as title,
    min(items.content_type) as content_type,
    count(*) as leads,
    count(completed.lead_id) as completed
from content_recommendations as items
left join completed on items.lead_id = completed.lead_id and items.content_id = completed.content_id
group by items.content_id
order by leads desc, items.content_id

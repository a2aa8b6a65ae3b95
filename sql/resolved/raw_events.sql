-- Grain: one row per event, with the lead that its id belongs to. Key: event_id. Reads: raw_events_as_read, raw_aliases.
-- Used only if there are aliases. A delivery identified by lead and content gets the id of the lead it belongs to.
select
    events.event_id,
    events.lead_id,
    events.delivery_id,
    events.event_type,
    events.content_id,
    events.content_type,
    events.occurred_at,
    events.is_machine,
    events.derived_delivery_id,
    events.local_hour,
    events.local_weekday,
    events.date
from raw_events_as_read as events
where events.lead_id not in (select raw_aliases.alias_id from raw_aliases)
union all
select
    events.event_id,
    aliases.final_lead_id as lead_id,
    events.delivery_id,
    events.event_type,
    events.content_id,
    events.content_type,
    events.occurred_at,
    events.is_machine,
    case
        when events.delivery_id is null and events.content_id is not null
            then concat(aliases.final_lead_id, substr(events.derived_delivery_id, length(events.lead_id) + 1))
        else events.derived_delivery_id
    end as derived_delivery_id,
    events.local_hour,
    events.local_weekday,
    events.date
from raw_events_as_read as events
inner join raw_aliases as aliases on events.lead_id = aliases.alias_id

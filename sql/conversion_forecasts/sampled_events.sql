-- Grain: one row per event of a sampled lead. Key: event_id. Reads: day_events, sampled_leads.
select
    event_id,
    lead_id,
    coalesce(delivery_id, derived_delivery_id) as delivery_id,
    delivery_id is not null as is_named,
    event_type,
    occurred_at,
    is_machine,
    local_hour,
    local_weekday,
    date
from day_events
where lead_id in (select sampled_leads.lead_id from sampled_leads)

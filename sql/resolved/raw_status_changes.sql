-- Grain: one row per status change, with the lead that its id belongs to. Key: read_order.
-- Reads: raw_status_changes_as_read, raw_aliases. Used only if there are aliases.
select
    coalesce(aliases.final_lead_id, changes.lead_id) as lead_id,
    changes.status,
    changes.changed_at,
    changes.read_order
from raw_status_changes_as_read as changes
left join raw_aliases as aliases on changes.lead_id = aliases.alias_id

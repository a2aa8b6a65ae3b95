-- Grain: one row per lead created before $end_at, with the times of its outcomes before $end_at. Key: lead_id.
-- Reads: day_leads, status_spans. Parameter: $end_at (T).
-- A time at or after $end_at is not seen. A status without a time decides only where the lead has no change of status.
with changed as (
    select
        lead_id,
        min(case when status = 'converted' then from_at end) as converted_at
    from status_spans
    group by lead_id
)

select
    leads.lead_id,
    leads.created_at,
    case when leads.engaged_at < $end_at then leads.engaged_at end as engaged_at,
    case when leads.inactive_at < $end_at then leads.inactive_at end as inactive_at,
    case when leads.converted_at < $end_at then leads.converted_at else changed.converted_at end as converted_at,
    changed.lead_id is not null as has_changes,
    leads.status = 'converted' and leads.converted_at is null and changed.lead_id is null as is_undated_conversion,
    leads.status = 'inactive' and leads.inactive_at is null and changed.lead_id is null as is_undated_inactive
from day_leads as leads
left join changed on leads.lead_id = changed.lead_id
where leads.created_at < $end_at

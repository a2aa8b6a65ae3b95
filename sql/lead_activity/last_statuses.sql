-- Grain: one row per lead with a status change, with its last one; ties go to the one read last. Key: lead_id.
-- Reads: raw_status_changes.
select
    lead_id,
    status
from (
    select
        lead_id,
        status,
        row_number() over (partition by lead_id order by changed_at desc, read_order desc) as place
    from raw_status_changes
) as changes
where place = 1

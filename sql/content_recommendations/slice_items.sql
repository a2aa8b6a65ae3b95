-- Grain: one row per lead of a slice and item that it was sent or read. Key: lead_number, item_number.
-- Reads: lead_items. Parameters: $first_lead, $end_lead; $sent_steps, $opened_steps (how long an item is not recommended
-- after it was sent or opened). is_known: it is not recommended now.
select
    lead_number,
    item_number,
    min(read_age) as read_age,
    max(completed) as completed,
    coalesce(min(sent_age) < $sent_steps, false)
    or coalesce(min(read_age) < $opened_steps, false)
    or max(completed) = 1 as is_known
from lead_items
where lead_number >= $first_lead and lead_number < $end_lead
group by lead_number, item_number
order by lead_number, item_number

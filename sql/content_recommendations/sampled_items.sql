-- Grain: one row per lead, item and day of every nth lead. Key: lead_number, item_number, age_days.
-- Reads: lead_items, numbered_leads. Parameter: $every.
select
    items.lead_number,
    items.item_number,
    items.read_age,
    items.sent_age,
    leads.area_number
from lead_items as items
inner join numbered_leads as leads on items.lead_number = leads.lead_number
where items.lead_number % $every = 0
order by items.lead_number, items.item_number, items.age_days

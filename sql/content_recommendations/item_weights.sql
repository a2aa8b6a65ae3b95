-- Grain: one row per item, area of interest and age: the weight of what leads of the area did with it.
-- Key: item_number, area_number, age. Reads: lead_items, numbered_leads. Parameter: $history_steps.
select
    items.item_number,
    leads.area_number,
    items.read_age as age,
    cast(sum(items.weight) as bigint) as weight,
    count(*) as readings
from lead_items as items
inner join numbered_leads as leads on items.lead_number = leads.lead_number
where items.read_age < $history_steps
group by items.item_number, leads.area_number, items.read_age
order by items.item_number, leads.area_number, items.read_age

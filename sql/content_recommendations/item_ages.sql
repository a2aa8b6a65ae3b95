-- Grain: one row per item that was ever sent or read, with the age of the first time. Key: item_number.
-- Reads: lead_items.
select
    item_number,
    max(coalesce(greatest(read_age, sent_age), read_age, sent_age)) as first_age
from lead_items
group by item_number
order by item_number

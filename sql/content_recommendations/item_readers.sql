-- Grain: one row per item and area of interest: the leads that read it in each of three windows.
-- Key: item_number, area_number. Reads: lead_items, numbered_leads. Parameters: the windows, in steps.
with latest as (
    select
        lead_number,
        item_number,
        min(read_age) as read_age
    from lead_items
    where read_age is not null
    group by lead_number, item_number
)

select
    latest.item_number,
    leads.area_number,
    count(case when latest.read_age < $short_steps then 1 end) as short_readers,
    count(case when latest.read_age < $middle_steps then 1 end) as middle_readers,
    count(case when latest.read_age < $long_steps then 1 end) as long_readers
from latest
inner join numbered_leads as leads on latest.lead_number = leads.lead_number
group by latest.item_number, leads.area_number
order by latest.item_number, leads.area_number

-- Grain: one row per lead, with its number in the order of ids, and the number of its area of interest (0: none, or one
-- with few leads). Key: lead_id. Reads: rule_leads. Parameter: $most_areas.
with areas as (
    select
        interest_area,
        row_number() over (order by count(*) desc, interest_area) as area_number
    from rule_leads
    where interest_area is not null
    group by interest_area
)

select
    leads.lead_id,
    row_number() over (order by leads.lead_id) - 1 as lead_number,
    coalesce(case when areas.area_number <= $most_areas then areas.area_number end, 0) as area_number,
    leads.is_recipient,
    leads.interest_marketing,
    leads.interest_sales,
    leads.complement_guides,
    leads.complement_videos,
    leads.high_engagement,
    leads.near_conversion,
    leads.premium
from rule_leads as leads
left join areas on leads.interest_area = areas.interest_area

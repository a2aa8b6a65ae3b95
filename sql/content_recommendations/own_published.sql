-- Grain: one row of totals of the staged items. Reads: staged.
select
    count(case when rule = 'interest_marketing' then 1 end) as interest_marketing_items,
    count(*) - count(*) as completed_items
from staged

-- Grain: one row with the leads of all classes and of all channels in the two windows. Reads: staged.
select
    cast(coalesce(sum(case when level = 'channel' and period = 'short' then leads end), 0) as bigint) as leads_short,
    cast(coalesce(sum(case when level = 'channel' and period = 'long' then leads end), 0) as bigint) as leads_long,
    cast(coalesce(sum(case when level = 'channel_class' and period = 'long' then leads end), 0) as bigint)
        as leads_of_classes
from staged
where metric = 'engaged'

-- Grain: one row of totals of the staged metric_history. Reads: staged.
select
    cast(coalesce(sum(case when metric = 'new_leads' and channel is null then value end), 0) as bigint) as new_leads,
    cast(coalesce(sum(case when metric = 'referrals_created' then value end), 0) as bigint) as referrals_created
from staged

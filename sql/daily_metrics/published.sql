-- Grain: one row of totals of the staged daily_metrics. Reads: staged.
select
    cast(coalesce(sum(new_leads), 0) as bigint) as new_leads,
    cast(coalesce(sum(referrals_created), 0) as bigint) as referrals_created
from staged

-- Grain: one row of totals of the staged lead_activity. Reads: staged.
select
    count(*) as leads,
    cast(coalesce(sum(referrals_generated), 0) as bigint) as referrals_generated
from staged

-- Grain: one row of totals of the staged scores. Reads: staged.
select
    count(*) as leads,
    coalesce(sum(referral_points), 0.0) as referral_points
from staged

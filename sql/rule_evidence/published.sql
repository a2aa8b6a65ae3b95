-- Grain: one row. Key: none. Reads: staged (rule_evidence). Every lead has one channel, so channels count each lead once.
select
    cast(coalesce(sum(leads), 0) as bigint) as leads,
    cast(coalesce(sum(conversions), 0) as bigint) as conversions
from staged
where rule_kind = 'channel'

-- Grain: one row. Key: none. Reads: staged (conversion_forecasts).
select
    count(*) as leads,
    cast(coalesce(sum(rank), 0) as bigint) as ranks
from staged

-- Grain: one row per input table, reason and detail. Key: source_table, reason, detail. Reads: quarantine.
select
    source_table,
    reason,
    detail,
    count(*) as quarantined_rows
from quarantine
group by source_table, reason, detail
order by quarantined_rows desc, source_table, reason, detail

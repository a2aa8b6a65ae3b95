-- Grain: one row per day and input table with at least $quarantine_rows bad rows. Key: date, source_table.
-- Reads: quarantine. Rows of leads that are unknown or in quarantine themselves are not bad.
select
    date,
    source_table,
    count(*) as bad_rows
from quarantine
where reason not in ('unknown lead', 'quarantined lead')
group by 1, 2
having count(*) >= $quarantine_rows
order by 1, 2

-- Grain: one row with the numbers of the staged incidents. Reads: staged, alerts.
select
    count(case when status = 'open' then 1 end) as open_incidents,
    count(case when status = 'open' and severity = 'high' then 1 end) as open_high,
    count(case when status = 'open' and parent is not null then 1 end) as open_explained,
    count(case when status = 'resolved' then 1 end) as resolved_incidents,
    (select count(*) from alerts) as alerts_of_day
from staged

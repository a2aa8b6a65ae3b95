-- Grain: one row per day and segment with a lead in it. Key: date, segment. Reads: lead_segments of several days.
select
    date,
    segment,
    count(*) as leads
from lead_segments
group by date, segment

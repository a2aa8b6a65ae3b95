-- Grain: one row with numbers of the brief. Reads: staged (daily_brief).
select
    coalesce(new_leads, 0) as new_leads,
    coalesce(likely_to_convert, 0) as likely_to_convert
from staged

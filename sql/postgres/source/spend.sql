-- Table spend, one row per amount of a day, channel and campaign. Reads nothing.
-- The schema keeps no costs, so there are no rows. If your database has them, read them here: channels then get the
-- costs of a lead and of a conversion, and advice on the budget.
select
    created_at as day,
    source as channel,
    utm_source,
    utm_campaign,
    engagement_score as amount,
    'EUR' as currency
from organic_leads
where false

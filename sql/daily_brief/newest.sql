-- Grain: one row. Reads: raw_leads of the day, line_events (raw_events of several days).
select
    (select min(created_date) from raw_leads) as first_lead_date,
    (select max(created_at) from raw_leads) as newest_lead_at,
    (select max(created_date) from raw_leads) as newest_lead_date,
    (select max(occurred_at) from line_events) as newest_event_at,
    (select max(date) from line_events) as newest_event_date

-- Deliveries with an event at a wanted time, one row per delivery with its times, key engagement_id.
-- $wanted(column) becomes a condition such as column >= '2026-09-27 00:00+00' and column < '2026-10-01 00:00+00'.
-- Reads content_engagement by the index of each time column. shape/events.sql turns these rows into events.
-- A delivery whose status implies an event without a time is always read, and then quarantined.
select
    engagement_id,
    lead_id,
    content_id,
    content_type,
    status,
    sent_at,
    opened_at,
    clicked_at,
    completed_at
from content_engagement
where
    $wanted(sent_at)
    or $wanted(opened_at)
    or $wanted(clicked_at)
    or $wanted(completed_at)
    or (status = 'sent' and sent_at is null)
    or (status = 'opened' and opened_at is null)
    or (status = 'clicked' and clicked_at is null)
    or (status = 'completed' and completed_at is null)

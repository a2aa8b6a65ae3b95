-- Table events, one row per event, key event_id. Reads the rows of ../events.sql under the name `extracted`, in DuckDB.
-- It passes on row_place, the number of each row; without it rows must be counted, which is slower.
-- A delivery that failed after it was sent bounced at the time of sending; one that failed before gives no event.
select
    engagement_id || ':sent' as event_id,
    lead_id,
    engagement_id as delivery_id,
    'sent' as event_type,
    content_id,
    content_type,
    sent_at as occurred_at,
    row_place
from extracted
where sent_at is not null or status = 'sent'
union all
select
    engagement_id || ':opened' as event_id,
    lead_id,
    engagement_id as delivery_id,
    'opened' as event_type,
    content_id,
    content_type,
    opened_at as occurred_at,
    row_place
from extracted
where opened_at is not null or status = 'opened'
union all
select
    engagement_id || ':clicked' as event_id,
    lead_id,
    engagement_id as delivery_id,
    'clicked' as event_type,
    content_id,
    content_type,
    clicked_at as occurred_at,
    row_place
from extracted
where clicked_at is not null or status = 'clicked'
union all
select
    engagement_id || ':completed' as event_id,
    lead_id,
    engagement_id as delivery_id,
    'completed' as event_type,
    content_id,
    content_type,
    completed_at as occurred_at,
    row_place
from extracted
where completed_at is not null or status = 'completed'
union all
select
    engagement_id || ':bounced' as event_id,
    lead_id,
    engagement_id as delivery_id,
    'bounced' as event_type,
    content_id,
    content_type,
    sent_at as occurred_at,
    row_place
from extracted
where sent_at is not null and status = 'failed'

-- Indexes that let one day be read without reading every delivery, and new rows be noticed cheaply.
-- Apply them to the source database with psql, as the owner of its tables; they are built without blocking writers.

create index concurrently if not exists content_engagement_sent_at on content_engagement (sent_at);
create index concurrently if not exists content_engagement_opened_at on content_engagement (opened_at);
create index concurrently if not exists content_engagement_clicked_at on content_engagement (clicked_at);
create index concurrently if not exists content_engagement_completed_at on content_engagement (completed_at);

-- The first sending of each item. content.sql looks for an index of this name, and reads the whole table without it.
create index concurrently if not exists content_engagement_content on content_engagement (content_id, sent_at)
where content_id is not null and content_type is not null and content_title is not null and sent_at is not null;

-- Deliveries without the time of their own status. A healthy table has none, and the index shows that at once.
create index concurrently if not exists content_engagement_without_time on content_engagement (engagement_id)
where
(status = 'sent' and sent_at is null)
or (status = 'opened' and opened_at is null)
or (status = 'clicked' and clicked_at is null)
or (status = 'completed' and completed_at is null);

create index concurrently if not exists organic_leads_updated_at on organic_leads (updated_at);
create index concurrently if not exists referrals_created_at on referrals (created_at);
create index concurrently if not exists referrals_validated_at on referrals (validated_at);

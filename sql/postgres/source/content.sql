-- Table content, one row per item that was ever sent, key content_id, as it was first sent. Reads content_engagement.
-- The schema has no catalogue of its own. Read that instead where yours has one.
select distinct on (content_id)
    content_id,
    content_type,
    content_title as title,
    published_at
from (
    select
        content_id,
        content_type,
        content_title,
        min(sent_at) as published_at
    from content_engagement
    where content_id is not null and content_type is not null and content_title is not null and sent_at is not null
    group by content_id, content_type, content_title
) as sendings
order by content_id, published_at, content_type, content_title

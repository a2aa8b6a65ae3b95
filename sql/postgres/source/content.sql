-- Table content, one row per item that was ever sent, as it was first sent, key content_id. Reads content_engagement.
-- The schema has no content catalogue. If yours has one, read it instead.
-- With the index content_engagement_content each item costs one index lookup; without it the whole table is grouped.
with recursive lookup as (
    select
        exists(
            select 1
            from pg_index
            where indexrelid = to_regclass('content_engagement_content') and indisvalid
        ) as is_indexed
),

sendings as not materialized (
    select
        content_id,
        content_type,
        content_title as title,
        sent_at as published_at
    from content_engagement
    where content_id is not null and content_type is not null and content_title is not null and sent_at is not null
),

items as (
    (
        select sendings.*
        from sendings
        where (select lookup.is_indexed from lookup)
        order by sendings.content_id, sendings.published_at, sendings.content_type, sendings.title
        limit 1
    )
    union all
    select following.*
    from items
    cross join lateral (
        select sendings.*
        from sendings
        where sendings.content_id > items.content_id
        order by sendings.content_id, sendings.published_at, sendings.content_type, sendings.title
        limit 1
    ) as following
),

grouped as (
    select
        content_id,
        content_type,
        title,
        min(published_at) as published_at
    from sendings
    where not (select lookup.is_indexed from lookup)
    group by content_id, content_type, title
)

select items.*
from items
union all
(
    select distinct on (grouped.content_id) grouped.*
    from grouped
    order by grouped.content_id, grouped.published_at, grouped.content_type, grouped.title
)

-- Grain: one row per item of the team, with its number: the newest first, undated items last. Key: content_id.
-- Reads: own_items, items (the document's, one row per rule). Parameters: $end_at (T), $with_shipped (whether the
-- document's items are in every catalogue).
with shipped as (
    select
        items.content_id,
        min(items.content_type) as content_type,
        min(items.title) as title,
        min(items.interest_area) as interest_area
    from items
    left join own_items as titled on items.content_type = titled.content_type and items.title = titled.title
    left join own_items as same on items.content_id = same.content_id
    where $with_shipped and titled.content_id is null and same.content_id is null
    group by items.content_id
),

listed as (
    select
        content_id,
        content_type,
        title,
        interest_area,
        published_at,
        retired_at
    from own_items
    union all
    select
        content_id,
        content_type,
        title,
        interest_area,
        cast(null as timestamptz) as published_at,
        cast(null as timestamptz) as retired_at
    from shipped
)

select
    content_id,
    content_type,
    title,
    interest_area,
    published_at,
    retired_at,
    coalesce(retired_at >= $end_at, true) as is_current,
    row_number() over (order by coalesce(published_at, timestamptz '1900-01-01 00:00:00+00') desc, content_id) - 1
        as item_number
from listed

-- Grain: one row per item that events name, for a source without content; its title is its id. Key: content_id.
-- Reads: raw_events.
select
    content_id,
    coalesce(min(case when content_type <> 'other' then content_type end), 'other') as content_type,
    content_id as title,
    cast(null as varchar) as interest_area,
    cast(null as timestamptz) as published_at,
    cast(null as timestamptz) as retired_at
from raw_events
where content_id is not null
group by content_id

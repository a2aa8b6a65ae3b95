-- Grain: one row per item of the content table, also those that were retired, for the cuts of the past. Key: content_id.
-- Reads: raw_content. An item that was published at or after T is not in raw_content.
select
    content_id,
    content_type,
    title,
    interest_area,
    published_at,
    retired_at
from raw_content

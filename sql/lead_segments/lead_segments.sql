-- Grain: one row per segment and lead. Key: segment, lead_id.
-- Reads: memberships, which the criteria of the policy give over the rows of lead_segments_facts.
select
    segment,
    lead_id
from memberships

-- Grain: one row per segment and lead. Key: segment, lead_id.
-- Reads: memberships, the result of the policy's criteria over the relation facts.
select
    segment,
    lead_id
from memberships

-- Table status_changes, one row per change of a lead's status, in the order of changed_at.
-- The schema keeps no such history, so there are no rows. If you have one, read it here: past days then see past
-- statuses. Of changes at the same time the last row counts, so order the query by time and then by key.
select
    lead_id,
    status,
    updated_at as changed_at
from organic_leads
where false

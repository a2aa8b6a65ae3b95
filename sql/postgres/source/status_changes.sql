-- Table status_changes, one row per change of a lead's status, in the order of changed_at.
-- The schema keeps no such history, so there are none. Read yours here where you have one: past days then see past
-- statuses. Of changes at the same time the last row counts, so end such a query with an order of time and then key.
select
    lead_id,
    status,
    updated_at as changed_at
from organic_leads
where false

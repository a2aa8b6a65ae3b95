-- Table aliases, one row per other id of a lead, current or former (merged contacts, an address), key alias_id.
-- The schema keeps no merged leads, so there are no rows. If you have them, read them here: alias_id is the id that was
-- given up, and lead_id the id that remains.
select
    lead_id as alias_id,
    lead_id
from organic_leads
where false

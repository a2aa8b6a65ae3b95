-- Table aliases, one row per id that a lead also has or had (merged contacts, an address), key alias_id.
-- The schema keeps no merged leads, so there are none. Read yours here where you have them: alias_id is the id that is
-- given up, lead_id the one that holds.
select
    lead_id as alias_id,
    lead_id
from organic_leads
where false

-- Grain: one row with the number of leads that have an e-mail address, valid or not. Reads: lead_profiles.
-- A lead_id that is an address counts too.
select count(*) as leads
from lead_profiles
where has_email or is_address

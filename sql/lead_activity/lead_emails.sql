-- Grain: one row: leads with an e-mail, of whatever form. Reads: lead_profiles. A lead_id that is an address is one too.
select count(*) as leads
from lead_profiles
where has_email or is_address

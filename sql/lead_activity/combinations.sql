-- Grain: one row per distinct combination of the fields that decide a lead's channel. Key: combination.
-- Reads: lead_combinations.
select distinct combination
from lead_combinations

-- Grain: one row with the leads whose source or utm fields had to be repaired, by what was wrong. Key: none.
-- Reads: lead_combinations, channels (with the repairs of each combination).
select
    count(case when channels.repairs like '%encoded%' then 1 end) as fields_encoded,
    count(case when channels.repairs like '%junk%' then 1 end) as fields_with_junk,
    count(case when channels.repairs like '%placeholder%' then 1 end) as fields_with_placeholders,
    count(case when channels.repairs like '%typo%' then 1 end) as mediums_misspelt
from lead_combinations
inner join channels on lead_combinations.combination = channels.combination

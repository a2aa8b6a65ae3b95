-- Grain: one row with the number of aliases. Reads: raw_aliases.
select count(*) as aliases
from raw_aliases

-- Grain: one row per row of row_features from one number to another, in order. Key: row_number. Reads: row_features.
-- Parameters: $first_row and $last_row.
select *
from row_features
where row_number between $first_row and $last_row
order by row_number

-- Grain: one row. Key: none. Reads: staged (forecast_quality). All candidates have the same rows.
select
    count(*) as candidates,
    max(staged.rows) as validation_rows,
    min(staged.rows) as fewest_validation_rows,
    max(conversions) as conversions,
    max(training_rows) as training_rows,
    max(training_conversions) as training_conversions
from staged

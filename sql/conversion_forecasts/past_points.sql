-- Grain: one row per training row: the document's points that were published for its lead on the day of its cut-off.
-- Key: row_number. Reads: training_rows, past_predictions, cutoff_days (cut and date). Null where none were published.
select
    training_rows.row_number,
    predictions.conversion_probability as points
from training_rows
inner join cutoff_days on training_rows.cut = cutoff_days.cut
left join past_predictions as predictions
    on training_rows.lead_id = predictions.lead_id and cutoff_days.date = predictions.date

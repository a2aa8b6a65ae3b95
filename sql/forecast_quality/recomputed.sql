-- Grain: one row. Key: none. Reads: training_labels (a row per training row), day_leads, day_status_changes.
-- Parameters: $end_at, $horizon_us; the newest $validation_cuts cut-offs validate, those from $first_training_cut train.
-- Conversions are counted again from the times of leads and changes of status, without the rows' labels.
with changed as (
    select
        lead_id,
        min(changed_at) as converted_at
    from day_status_changes
    where status = 'converted'
    group by lead_id
),

outcomes as (
    select
        labels.cut,
        labels.lead_id,
        epoch_us(coalesce(own.converted_at, changed.converted_at)) - epoch_us(labels.cut_at) as waited_us
    from training_labels as labels
    left join day_leads as own on labels.lead_id = own.lead_id and own.converted_at < $end_at
    left join changed on labels.lead_id = changed.lead_id
)

select
    cast($candidates as bigint) as candidates,
    count(case when cut < $validation_cuts then 1 end) as validation_rows,
    count(case when cut < $validation_cuts then 1 end) as fewest_validation_rows,
    count(distinct case when cut < $validation_cuts and waited_us >= 0 and waited_us < $horizon_us then lead_id end)
        as conversions,
    count(case when cut >= $first_training_cut then 1 end) as training_rows,
    count(distinct case when cut >= $first_training_cut and waited_us >= 0 and waited_us < $horizon_us then lead_id end)
        as training_conversions
from outcomes

-- Grain: one row per evidence day and lead that was open then, by a status with a time. Key: date, lead_id.
-- Reads: past_activity (lead_activity of the evidence days), evidence_days (date and its T as end_at), lead_histories.
-- Parameter: $horizon_us.
select
    activity.date,
    activity.lead_id,
    activity.channel,
    coalesce(
        histories.converted_at >= evidence_days.end_at
        and epoch_us(histories.converted_at) - epoch_us(evidence_days.end_at) < $horizon_us, false
    ) as is_converted
from past_activity as activity
inner join evidence_days on activity.date = evidence_days.date
inner join lead_histories as histories on activity.lead_id = histories.lead_id
where activity.status_is_dated and activity.status not in ('converted', 'inactive')

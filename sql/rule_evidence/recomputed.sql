-- Grain: one row. Key: none. Reads: past_activity, evidence_days, day_leads, day_status_changes.
-- Parameters: $end_at, $horizon_us. Conversions come from the times of leads and changes of status.
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
        epoch_us(case when leads.converted_at < $end_at then leads.converted_at else changed.converted_at end)
        - epoch_us(evidence_days.end_at) as waited_us
    from past_activity as activity
    inner join evidence_days on activity.date = evidence_days.date
    inner join day_leads as leads on activity.lead_id = leads.lead_id
    left join changed on activity.lead_id = changed.lead_id
    where activity.status_is_dated and activity.status in ('new', 'nurturing', 'engaged')
)

select
    count(*) as leads,
    count(case when waited_us >= 0 and waited_us < $horizon_us then 1 end) as conversions
from outcomes

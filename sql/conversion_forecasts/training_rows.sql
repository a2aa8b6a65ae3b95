-- Grain: one row per cut-off and sampled lead that is open there by timed facts alone. Key: row_key; also cut, lead_id.
-- Reads: cutoffs, sampled_leads, sampled_events, status_spans. Parameters: $horizon_us, $undated_open_us.
-- A lead that is inactive without a time is open until some days after its last event, or after its creation.
with last_events as (
    select
        lead_id,
        max(occurred_at) as last_event_at
    from sampled_events
    group by lead_id
),

open_leads as (
    select
        cutoffs.cut,
        cutoffs.cut_at,
        leads.lead_id,
        leads.is_undated_inactive,
        case
            when spans.status is not null then spans.status
            when leads.engaged_at < cutoffs.cut_at then 'engaged'
        end as dated_status,
        coalesce(
            leads.converted_at >= cutoffs.cut_at
            and epoch_us(leads.converted_at) - epoch_us(cutoffs.cut_at) < $horizon_us, false
        ) as is_converted,
        case
            when spans.status is not null then spans.status = 'inactive'
            when leads.is_undated_inactive
                then
                    epoch_us(cutoffs.cut_at)
                    - epoch_us(greatest(leads.created_at, coalesce(last_events.last_event_at, leads.created_at)))
                    >= $undated_open_us
            else coalesce(leads.inactive_at < cutoffs.cut_at, false)
        end as is_inactive
    from sampled_leads as leads
    inner join cutoffs
        on leads.created_at < cutoffs.cut_at and (leads.converted_at is null or leads.converted_at >= cutoffs.cut_at)
    left join last_events on leads.lead_id = last_events.lead_id
    left join status_spans as spans
        on
            leads.lead_id = spans.lead_id
            and cutoffs.cut_at > spans.from_at
            and (spans.until_at is null or cutoffs.cut_at <= spans.until_at)
)

select
    cast(row_number() over (order by cut, lead_id) as varchar) as row_key,
    row_number() over (order by cut, lead_id) as row_number,
    cut,
    cut_at,
    lead_id,
    dated_status,
    is_converted,
    is_undated_inactive as is_approximate
from open_leads
where not is_inactive

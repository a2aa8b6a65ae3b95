-- Grain: one row per lead that is neither converted nor inactive as of T. Key: row_key.
-- Reads: day_activity, lead_histories, status_spans. Parameter: $end_at (T). The columns are those of training_rows.
select
    activity.lead_id as row_key,
    row_number() over (order by activity.lead_id) as row_number,
    cast(0 as bigint) as cut,
    cast($end_at as timestamptz) as cut_at,
    activity.lead_id,
    case
        when spans.status is not null then spans.status
        when histories.engaged_at < $end_at then 'engaged'
    end as dated_status,
    false as is_converted,
    histories.is_undated_inactive as is_approximate
from day_activity as activity
inner join lead_histories as histories on activity.lead_id = histories.lead_id
left join status_spans as spans on activity.lead_id = spans.lead_id and spans.until_at is null
where activity.status not in ('converted', 'inactive')

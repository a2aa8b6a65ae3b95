-- Grain: one row per lead that may have a training row, drawn by a hash of its id. Key: lead_id.
-- Reads: lead_histories. Parameters: $newest_cut_at and $cuts (the cut-offs are $step_us apart), $maximum_rows.
-- The cut-offs at which a lead is open are counted without looking at its events, so there are never more rows.
with closed as (
    select
        *,
        case when has_changes then converted_at else least(converted_at, inactive_at) end as closed_at
    from lead_histories
    where not is_undated_conversion and created_at < $newest_cut_at
),

counted as (
    select
        *,
        least($cuts, greatest(0, ceil((epoch_us($newest_cut_at) - epoch_us(created_at)) / $step_us)))
        - case
            when closed_at is null then 0
            else least($cuts, greatest(0, ceil((epoch_us($newest_cut_at) - epoch_us(closed_at)) / $step_us)))
        end as cuts
    from closed
),

ordered as (
    select
        *,
        sum(greatest(cuts, 0)) over (
            order by md5(lead_id), lead_id
            rows between unbounded preceding and current row
        ) as rows_so_far
    from counted
)

select
    lead_id,
    created_at,
    engaged_at,
    inactive_at,
    converted_at,
    is_undated_inactive
from ordered
where rows_so_far <= $maximum_rows

-- Grain: one row: how much the memberships grew, from the two days' sizes. Reads: lead_segments, previous_segments.
select
    case
        when $has_previous
            then (select count(*) from lead_segments) - (select count(*) from previous_segments)
        else 0
    end as growth

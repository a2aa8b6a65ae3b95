-- Grain: one row with the growth of memberships according to the sizes on the two days. Reads: lead_segments, previous_segments.
select
    case
        when $has_previous
            then (select count(*) from lead_segments) - (select count(*) from previous_segments)
        else 0
    end as growth

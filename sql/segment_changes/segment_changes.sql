-- Grain: one row per segment and lead whose membership differs from the newest earlier day. Key: segment, lead_id.
-- Reads: lead_segments (of the day), previous_segments (of the newest earlier day).
-- Parameter: $has_previous; without an earlier day there are no changes.
-- A lead's segments are bits of integers, 62 in each, so memory holds one row per lead and not one per membership.
with named as (
    select segment from lead_segments
    union
    select segment from previous_segments
),

numbered as (
    select
        segment,
        row_number() over (order by segment) - 1 as number
    from named
),

places as (
    select
        segment,
        number // 62 as block,
        cast(pow(2, number % 62) as bigint) as bit
    from numbered
),

members as (
    select
        segment,
        lead_id,
        true as is_now
    from lead_segments
    union all
    select
        segment,
        lead_id,
        false as is_now
    from previous_segments
),

leads as (
    select
        members.lead_id,
        places.block,
        bit_or(case when members.is_now then places.bit else 0 end) as bits_now,
        bit_or(case when members.is_now then 0 else places.bit end) as bits_before
    from members
    inner join places on members.segment = places.segment
    where $has_previous
    group by members.lead_id, places.block
)

select
    places.segment,
    leads.lead_id,
    case when (leads.bits_now & places.bit) > 0 then 'entered' else 'left' end as change
from leads
inner join places on leads.block = places.block
where (leads.bits_now & places.bit) <> (leads.bits_before & places.bit)

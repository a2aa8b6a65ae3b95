-- Grain: one row per age in days, class and channel of the leads created in the last days. Key: days_before, channel_class,
-- channel. Reads: lead_activity. Parameters: $end_at (T) and $created_from, the start of the longest period.
-- A day is 24 hours before T; a lead is engaged where its status is engaged or converted.
select
    cast(floor((epoch_us($end_at) - epoch_us(created_at) - 1) / 86400000000.0) as bigint) as days_before,
    channel_class,
    channel,
    count(*) as leads,
    count(case when status in ('engaged', 'converted') then 1 end) as engaged,
    count(case when status = 'converted' then 1 end) as converted
from lead_activity
where created_at >= $created_from
group by 1, 2, 3

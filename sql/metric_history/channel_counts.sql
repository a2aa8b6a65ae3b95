-- Grain: one row per business day of `days` and channel that brought leads on it. Key: day, channel.
-- Reads: days (with their start and end), staged (lead_activity).
select
    days.day,
    recent.channel,
    count(*) as new_leads
from (
    select
        channel,
        created_at
    from staged
    where created_at >= (select min(starts_at) from days)
) as recent
inner join days on recent.created_at >= days.starts_at and recent.created_at < days.ends_at
group by 1, 2
order by 1, 2

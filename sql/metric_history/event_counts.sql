-- Grain: one row per business day of `days` with an event of one of the day's leads, or with an unsubscription. Key: day.
-- Reads: days (with their start and end), raw_leads, raw_events, lead_events.
-- A lead that unsubscribed several times, or in the source and by an event, counts on the first of these days.
with gone as (
    select lead_events.lead_id
    from lead_events
    left join raw_leads on lead_events.lead_id = raw_leads.lead_id
    where raw_leads.lead_id is null
),

recent as (
    select
        raw_events.date as day,
        raw_events.lead_id,
        raw_events.event_type,
        raw_events.is_machine
    from raw_events
    left join gone on raw_events.lead_id = gone.lead_id
    where gone.lead_id is null and raw_events.date >= (select min(day) from days)
),

happened as (
    select
        day,
        count(*) as events,
        count(case when event_type = 'bounced' then 1 end) as bounced,
        count(case when event_type = 'complained' then 1 end) as complained,
        count(case when event_type = 'opened' and is_machine then 1 end) as machine_opens
    from recent
    group by 1
),

unsubscribed_leads as (
    select
        lead_id,
        min(day) as day
    from (
        select
            lead_id,
            day
        from recent
        where event_type = 'unsubscribed'
        union all
        select
            raw_leads.lead_id,
            days.day
        from raw_leads
        inner join days
            on raw_leads.merged_unsubscribed_at >= days.starts_at and raw_leads.merged_unsubscribed_at < days.ends_at
    ) as unsubscriptions
    group by 1
),

unsubscribed as (
    select
        day,
        count(*) as unsubscribed
    from unsubscribed_leads
    group by 1
)

select
    days.day,
    coalesce(happened.events, 0) as events,
    coalesce(happened.bounced, 0) as bounced,
    coalesce(happened.complained, 0) as complained,
    coalesce(happened.machine_opens, 0) as machine_opens,
    coalesce(unsubscribed.unsubscribed, 0) as unsubscribed
from days
left join happened on days.day = happened.day
left join unsubscribed on days.day = unsubscribed.day
order by days.day

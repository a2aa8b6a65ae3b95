-- Grain: one row per business day of `days`. Key: day.
-- Reads: days (with their start and end), raw_leads, raw_referrals, lead_events, deliveries. Parameter: $opened_us.
-- Days on which nothing happened are rows of zeros. Rows of leads that are not among the day's leads do not count. Few such
-- leads have an event, so they are looked up once among the leads with events and not once per delivery.
-- A lead counts on the days of the earliest times of its rows. The day is computed only if those differ from its own row.
with gone as (
    select lead_events.lead_id
    from lead_events
    left join raw_leads on lead_events.lead_id = raw_leads.lead_id
    where raw_leads.lead_id is null
),

merged as (
    select
        'created' as what,
        merged_created_at as merged_at
    from raw_leads
    where merged_created_at is distinct from created_at
    union all
    select
        'engaged' as what,
        merged_engaged_at as merged_at
    from raw_leads
    where merged_engaged_at is distinct from engaged_at
    union all
    select
        'converted' as what,
        merged_converted_at as merged_at
    from raw_leads
    where merged_converted_at is distinct from converted_at
),

dated as (
    select
        'created' as what,
        created_date as day
    from raw_leads
    where merged_created_at = created_at
    union all
    select
        'engaged' as what,
        engaged_date as day
    from raw_leads
    where merged_engaged_at = engaged_at
    union all
    select
        'converted' as what,
        converted_date as day
    from raw_leads
    where merged_converted_at = converted_at
    union all
    select
        merged.what,
        days.day
    from merged
    inner join days on merged.merged_at >= days.starts_at and merged.merged_at < days.ends_at
),

became as (
    select
        day,
        count(case when what = 'created' then 1 end) as new_leads,
        count(case when what = 'engaged' then 1 end) as leads_engaged,
        count(case when what = 'converted' then 1 end) as leads_converted
    from dated
    group by 1
),

referred as (
    select
        created_date as day,
        count(*) as referrals_created,
        count(case when status = 'fraud' then 1 end) as referrals_fraud
    from raw_referrals
    where referrer_lead_id in (select lead_id from raw_leads)
    group by 1
),

recent as (
    select
        deliveries.sent_date,
        deliveries.completed_date,
        deliveries.response_us < $opened_us as is_opened_in_time,
        count(*) as deliveries
    from deliveries
    left join gone on deliveries.lead_id = gone.lead_id
    where
        gone.lead_id is null
        and (
            deliveries.sent_date >= (select min(day) from days)
            or deliveries.completed_date >= (select min(day) from days)
        )
    group by 1, 2, 3
),

sent as (
    select
        sent_date as day,
        sum(deliveries) as deliveries_sent,
        sum(case when is_opened_in_time then deliveries else 0 end) as opened_24h
    from recent
    group by 1
),

completed as (
    select
        completed_date as day,
        sum(deliveries) as completions
    from recent
    group by 1
)

select
    days.day,
    coalesce(became.new_leads, 0) as new_leads,
    coalesce(sent.deliveries_sent, 0) as deliveries_sent,
    coalesce(sent.opened_24h, 0) as opened_24h,
    coalesce(completed.completions, 0) as completions,
    coalesce(referred.referrals_created, 0) as referrals_created,
    coalesce(referred.referrals_fraud, 0) as referrals_fraud,
    coalesce(became.leads_engaged, 0) as leads_engaged,
    coalesce(became.leads_converted, 0) as leads_converted
from days
left join became on days.day = became.day
left join sent on days.day = sent.day
left join completed on days.day = completed.day
left join referred on days.day = referred.day
order by days.day

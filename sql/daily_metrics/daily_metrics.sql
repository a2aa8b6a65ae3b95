-- Grain: one row per business day of `days`. Key: day.
-- Reads: days, raw_leads, raw_referrals, lead_events, deliveries. Days without anything are rows of zeros.
-- Deliveries of leads that are no longer in the source do not count; these leads are few, and are looked for among the leads
-- with an event, not among those of each delivery.
with gone as (
    select lead_events.lead_id
    from lead_events
    left join raw_leads on lead_events.lead_id = raw_leads.lead_id
    where raw_leads.lead_id is null
),

created as (
    select
        created_date as day,
        count(*) as new_leads
    from raw_leads
    group by 1
),

engaged as (
    select
        engaged_date as day,
        count(*) as leads_engaged
    from raw_leads
    group by 1
),

converted as (
    select
        converted_date as day,
        count(*) as leads_converted
    from raw_leads
    group by 1
),

referred as (
    select
        created_date as day,
        count(*) as referrals_created,
        count(case when status = 'fraud' then 1 end) as referrals_fraud
    from raw_referrals
    group by 1
),

recent as (
    select
        deliveries.sent_date,
        deliveries.completed_date,
        deliveries.opened_date <= deliveries.sent_date as is_opened_same_day,
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
        sum(case when is_opened_same_day then deliveries else 0 end) as opened_same_day
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
    coalesce(created.new_leads, 0) as new_leads,
    coalesce(sent.deliveries_sent, 0) as deliveries_sent,
    coalesce(sent.opened_same_day, 0) as opened_same_day,
    coalesce(completed.completions, 0) as completions,
    coalesce(referred.referrals_created, 0) as referrals_created,
    coalesce(referred.referrals_fraud, 0) as referrals_fraud,
    coalesce(engaged.leads_engaged, 0) as leads_engaged,
    coalesce(converted.leads_converted, 0) as leads_converted
from days
left join created on days.day = created.day
left join sent on days.day = sent.day
left join completed on days.day = completed.day
left join referred on days.day = referred.day
left join engaged on days.day = engaged.day
left join converted on days.day = converted.day
order by days.day

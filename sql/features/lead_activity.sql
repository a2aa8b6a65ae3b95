-- Grain: one row per lead created before $end_at. Key: lead_id.
-- Reads: raw_leads, raw_events, raw_referrals, raw_status_changes, deliveries, platforms (a lead's channel fields and their platform).
-- Parameters: $end_at (T) and the starts of the windows before it, $history_from, $month_from and $recent_from; the business hours.
with delivery_facts as (
    select
        lead_id,
        count(sent_at) as deliveries_total,
        count(case when sent_at >= $recent_from then 1 end) as deliveries_7d,
        count(case when sent_at >= $month_from then 1 end) as deliveries_30d,
        count(opened_at) as opens_total,
        count(case when opened_at >= $recent_from then 1 end) as opens_7d,
        count(completed_at) as completions_total,
        count(case when completed_at >= $recent_from then 1 end) as completions_7d,
        count(case when opened_at >= $month_from then 1 end) as consumed_30d,
        sum(response_us) as response_us,
        count(response_us) as responses,
        max(
            case
                when opened_at is not null
                    then
                        { 'opened_at': opened_at, 'delivery_id': delivery_id, 'response_us': response_us }
            end
        ) as latest,
        list_sort(array_agg(distinct content_type) filter (where completed_at is not null)) as consumed_content_types
    from deliveries
    where coalesce(sent_at, first_event_at) >= $history_from
    group by lead_id
),

event_facts as (
    select
        lead_id,
        max(case when event_type = 'sent' and occurred_at >= $history_from then occurred_at end) as last_sent_at,
        max(case when is_human then occurred_at end) as last_engaged_at,
        count(case when is_human then 1 end) as human_events,
        count(
            case when is_human and local_hour between $first_business_hour and $last_business_hour then 1 end
        ) as business_hour_events,
        count(case when is_human and local_weekday <= $last_weekday then 1 end) as weekday_events,
        count(case when event_type = 'unsubscribed' then 1 end) as unsubscriptions
    from (
        select
            lead_id,
            event_type,
            occurred_at,
            local_hour,
            local_weekday,
            event_type in ('opened', 'clicked', 'completed') and not is_machine and occurred_at >= $history_from
                as is_human
        from raw_events
    ) as events
    group by lead_id
),

referral_facts as (
    select
        referrer_lead_id as lead_id,
        count(case when status in ('pending', 'validated') then 1 end) as referrals_generated,
        count(case when status = 'validated' and (validated_at is null or validated_at < $end_at) then 1 end)
            as referrals_validated
    from raw_referrals
    group by referrer_lead_id
),

last_status as (
    select
        lead_id,
        status
    from (
        select
            lead_id,
            status,
            row_number() over (partition by lead_id order by changed_at desc, read_order desc) as place
        from raw_status_changes
    ) as changes
    where place = 1
)

select
    leads.lead_id,
    leads.email,
    leads.source,
    platforms.platform,
    leads.interest_area,
    case
        when last_status.status is not null then last_status.status
        when leads.status in ('new', 'nurturing', 'inactive') then leads.status
        when leads.status = 'converted' and (leads.converted_at is null or leads.converted_at < $end_at)
            then 'converted'
        when leads.status = 'engaged' and (leads.engaged_at is null or leads.engaged_at < $end_at) then 'engaged'
        when leads.status = 'converted' and leads.engaged_at < $end_at then 'engaged'
        else 'nurturing'
    end as status,
    leads.engagement_score as base_score,
    leads.created_at,
    coalesce(leads.unsubscribed_at < $end_at, false) or coalesce(event_facts.unsubscriptions, 0) > 0
        as is_unsubscribed,
    cast(floor(date_diff('microsecond', leads.created_at, $end_at) / 86400000000.0) as bigint) as age_days,
    coalesce(delivery_facts.deliveries_total, 0) as deliveries_total,
    coalesce(delivery_facts.deliveries_7d, 0) as deliveries_7d,
    coalesce(delivery_facts.deliveries_30d, 0) as deliveries_30d,
    coalesce(delivery_facts.opens_total, 0) as opens_total,
    coalesce(delivery_facts.opens_7d, 0) as opens_7d,
    coalesce(delivery_facts.completions_total, 0) as completions_total,
    coalesce(delivery_facts.completions_7d, 0) as completions_7d,
    coalesce(delivery_facts.consumed_30d, 0) as consumed_30d,
    case
        when delivery_facts.deliveries_total > 0
            then least(1.0, cast(delivery_facts.completions_total as double) / delivery_facts.deliveries_total)
    end as completion_rate,
    case
        when delivery_facts.responses > 0
            then cast(delivery_facts.response_us as double) / (delivery_facts.responses * 3600000000.0)
    end as avg_response_hours,
    cast(delivery_facts.latest.response_us as double) / 3600000000.0 as latest_response_hours,
    case
        when event_facts.human_events > 0
            then cast(event_facts.business_hour_events as double) / event_facts.human_events
    end as business_hours_share,
    case
        when event_facts.human_events > 0
            then cast(event_facts.weekday_events as double) / event_facts.human_events
    end as weekday_share,
    event_facts.last_sent_at,
    event_facts.last_engaged_at,
    cast(floor(date_diff('microsecond', event_facts.last_engaged_at, $end_at) / 86400000000.0) as bigint)
        as days_since_engagement,
    cast(
        floor(
            date_diff('microsecond', coalesce(event_facts.last_engaged_at, leads.created_at), $end_at)
            / 86400000000.0
        ) as bigint
    ) as days_inactive,
    coalesce(delivery_facts.consumed_content_types, cast([] as varchar[])) as consumed_content_types,
    coalesce(referral_facts.referrals_generated, 0) as referrals_generated,
    coalesce(referral_facts.referrals_validated, 0) as referrals_validated
from raw_leads as leads
left join delivery_facts on leads.lead_id = delivery_facts.lead_id
left join event_facts on leads.lead_id = event_facts.lead_id
left join referral_facts on leads.lead_id = referral_facts.lead_id
left join last_status on leads.lead_id = last_status.lead_id
left join platforms
    on
        leads.source = platforms.source
        and leads.utm_source is not distinct from platforms.utm_source
        and leads.utm_medium is not distinct from platforms.utm_medium
        and leads.referrer_host is not distinct from platforms.referrer_host

-- Grain: one row per lead created before $end_at. Key: lead_id.
-- Reads: raw_leads, raw_referrals, raw_status_changes, deliveries, lead_deliveries, lead_events, platforms (a lead's channel
-- fields and their platform). Parameters: $end_at (T) and $history_from, the start of what counts.
-- Of deliveries opened at the same moment the one with the greatest delivery_id is the latest.
with latest_responses as (
    select
        deliveries.lead_id,
        max({ 'delivery_id': deliveries.delivery_id, 'response_us': deliveries.response_us }) as latest
    from deliveries
    inner join lead_deliveries as facts
        on deliveries.lead_id = facts.lead_id and deliveries.opened_at = facts.last_opened_at
    where coalesce(deliveries.sent_at, deliveries.first_event_at) >= $history_from
    group by deliveries.lead_id
),

consumed as (
    select
        lead_id,
        list_sort(array_agg(content_type)) as content_types
    from (
        select distinct
            lead_id,
            content_type
        from deliveries
        where completed_at is not null and coalesce(sent_at, first_event_at) >= $history_from
    ) as completed
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
    coalesce(leads.unsubscribed_at < $end_at, false) or coalesce(lead_events.unsubscriptions, 0) > 0
        as is_unsubscribed,
    cast(floor(date_diff('microsecond', leads.created_at, $end_at) / 86400000000.0) as bigint) as age_days,
    coalesce(lead_deliveries.deliveries_total, 0) as deliveries_total,
    coalesce(lead_deliveries.deliveries_7d, 0) as deliveries_7d,
    coalesce(lead_deliveries.deliveries_30d, 0) as deliveries_30d,
    coalesce(lead_deliveries.opens_total, 0) as opens_total,
    coalesce(lead_deliveries.opens_7d, 0) as opens_7d,
    coalesce(lead_deliveries.completions_total, 0) as completions_total,
    coalesce(lead_deliveries.completions_7d, 0) as completions_7d,
    coalesce(lead_deliveries.consumed_30d, 0) as consumed_30d,
    case
        when lead_deliveries.deliveries_total > 0
            then least(1.0, cast(lead_deliveries.completions_total as double) / lead_deliveries.deliveries_total)
    end as completion_rate,
    case
        when lead_deliveries.responses > 0
            then cast(lead_deliveries.response_us as double) / (lead_deliveries.responses * 3600000000.0)
    end as avg_response_hours,
    cast(latest_responses.latest.response_us as double) / 3600000000.0 as latest_response_hours,
    case
        when lead_events.human_events > 0
            then cast(lead_events.business_hour_events as double) / lead_events.human_events
    end as business_hours_share,
    case
        when lead_events.human_events > 0
            then cast(lead_events.weekday_events as double) / lead_events.human_events
    end as weekday_share,
    lead_events.last_sent_at,
    lead_events.last_engaged_at,
    cast(floor(date_diff('microsecond', lead_events.last_engaged_at, $end_at) / 86400000000.0) as bigint)
        as days_since_engagement,
    cast(
        floor(
            date_diff('microsecond', coalesce(lead_events.last_engaged_at, leads.created_at), $end_at)
            / 86400000000.0
        ) as bigint
    ) as days_inactive,
    coalesce(consumed.content_types, cast([] as varchar[])) as consumed_content_types,
    coalesce(referral_facts.referrals_generated, 0) as referrals_generated,
    coalesce(referral_facts.referrals_validated, 0) as referrals_validated
from raw_leads as leads
left join lead_deliveries on leads.lead_id = lead_deliveries.lead_id
left join latest_responses on leads.lead_id = latest_responses.lead_id
left join consumed on leads.lead_id = consumed.lead_id
left join lead_events on leads.lead_id = lead_events.lead_id
left join referral_facts on leads.lead_id = referral_facts.lead_id
left join last_status on leads.lead_id = last_status.lead_id
left join platforms
    on
        leads.source = platforms.source
        and leads.utm_source is not distinct from platforms.utm_source
        and leads.utm_medium is not distinct from platforms.utm_medium
        and leads.referrer_host is not distinct from platforms.referrer_host

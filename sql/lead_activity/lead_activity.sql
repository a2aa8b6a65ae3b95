-- Grain: one row per lead created before $end_at. Key: lead_id.
-- Reads: lead_profiles, delivery_facts, lead_events, lead_emails. Parameter: $end_at (T).
with marked as (
    select
        profiles.*,
        lead_events.last_sent_at,
        lead_events.last_engaged_at,
        lead_events.human_events,
        lead_events.business_hour_events,
        lead_events.weekday_events,
        profiles.is_unsubscribed_in_source or coalesce(lead_events.unsubscriptions, 0) > 0 as is_unsubscribed,
        lead_events.last_bounced_at is not null
        and coalesce(lead_events.last_human_at <= lead_events.last_bounced_at, true) as is_bounced,
        coalesce(lead_events.complaints, 0) > 0 as has_complained
    from lead_profiles as profiles
    left join lead_events on profiles.lead_id = lead_events.lead_id
)

select
    leads.lead_id,
    leads.email,
    leads.source,
    leads.platform,
    leads.channel,
    leads.channel_class,
    leads.channel_detail,
    leads.channel_rule,
    leads.interest_area,
    leads.status,
    leads.status_is_dated,
    leads.base_score,
    leads.created_at,
    leads.is_unsubscribed,
    leads.is_bounced,
    leads.has_complained,
    (leads.has_address or leads.is_address or (select lead_emails.leads from lead_emails) = 0)
    and not leads.is_unsubscribed
    and not leads.is_bounced
    and not leads.has_complained as may_be_mailed,
    cast(floor((epoch_us($end_at) - epoch_us(leads.created_at)) / 86400000000.0) as bigint) as age_days,
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
    cast(delivery_facts.latest_response_us as double) / 3600000000.0 as latest_response_hours,
    case
        when leads.human_events > 0
            then cast(leads.business_hour_events as double) / leads.human_events
    end as business_hours_share,
    case
        when leads.human_events > 0
            then cast(leads.weekday_events as double) / leads.human_events
    end as weekday_share,
    leads.last_sent_at,
    leads.last_engaged_at,
    cast(floor((epoch_us($end_at) - epoch_us(leads.last_engaged_at)) / 86400000000.0) as bigint)
        as days_since_engagement,
    cast(
        floor(
            (epoch_us($end_at) - epoch_us(coalesce(leads.last_engaged_at, leads.created_at)))
            / 86400000000.0
        ) as bigint
    ) as days_inactive,
    coalesce(delivery_facts.content_types, cast([] as varchar[])) as consumed_content_types,
    leads.referrals_generated,
    leads.referrals_validated
from marked as leads
left join delivery_facts on leads.lead_id = delivery_facts.lead_id

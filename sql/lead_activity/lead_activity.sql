-- Grain: one row per lead created before $end_at. Key: lead_id.
-- Reads: lead_profiles, delivery_facts, lead_events. Parameter: $end_at (T).
select
    leads.lead_id,
    leads.email,
    leads.source,
    leads.platform,
    leads.interest_area,
    leads.status,
    leads.base_score,
    leads.created_at,
    leads.is_unsubscribed or coalesce(lead_events.unsubscriptions, 0) > 0 as is_unsubscribed,
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
    cast(delivery_facts.latest_response_us as double) / 3600000000.0 as latest_response_hours,
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
    coalesce(delivery_facts.content_types, cast([] as varchar[])) as consumed_content_types,
    leads.referrals_generated,
    leads.referrals_validated
from lead_profiles as leads
left join delivery_facts on leads.lead_id = delivery_facts.lead_id
left join lead_events on leads.lead_id = lead_events.lead_id

-- Computes features and outputs of one day in one hand-written script, over views of the raw tables. Creating the views
-- and writing the results is left to by_hand_duckdb.py.

create temp table deliveries as
select
    coalesce(delivery_id, derived_delivery_id) as delivery_id, lead_id, content_type,
    min(case when event_type = 'sent' then occurred_at end) as sent_at,
    min(case when event_type in ('opened', 'clicked', 'completed') and not is_machine then occurred_at end) as opened_at,
    min(case when event_type = 'completed' and not is_machine then occurred_at end) as completed_at,
    case when opened_at >= sent_at then epoch_us(opened_at) - epoch_us(sent_at) end as response_us
from raw_events
group by all
having coalesce(sent_at, min(occurred_at)) >= getvariable('end_at') - interval 8760 hours;

create temp table lead_deliveries as
select
    lead_id,
    count(sent_at) as deliveries_total,
    count(*) filter (where sent_at >= getvariable('recent_from')) as deliveries_7d,
    count(*) filter (where sent_at >= getvariable('month_from')) as deliveries_30d,
    count(opened_at) as opens_total,
    count(*) filter (where opened_at >= getvariable('recent_from')) as opens_7d,
    count(completed_at) as completions_total,
    count(*) filter (where completed_at >= getvariable('recent_from')) as completions_7d,
    count(*) filter (where opened_at >= getvariable('month_from')) as consumed_30d,
    sum(response_us)::bigint as response_us,
    count(response_us) as responses,
    max(opened_at) as last_opened_at
from deliveries
group by lead_id;

create temp table latest as
select lead_id, max({'id': delivery_id, 'us': deliveries.response_us}).us as latest_us
from deliveries join lead_deliveries using (lead_id)
where opened_at = last_opened_at
group by lead_id;

create temp table consumed as
select lead_id, list_sort(list(content_type)) as content_types
from (select distinct lead_id, content_type from deliveries where completed_at is not null)
group by lead_id;

create temp table lead_events as
select
    lead_id,
    max(case when event_type = 'sent' then occurred_at end) as last_sent_at,
    max(case when is_human then occurred_at end) as last_engaged_at,
    count(*) filter (where is_human) as human,
    count(*) filter (where is_human and local_hour between 9 and 17) as business,
    count(*) filter (where is_human and local_weekday <= 5) as weekday
from (select *, event_type in ('opened', 'clicked', 'completed') and not is_machine as is_human from raw_events
    where occurred_at >= getvariable('end_at') - interval 8760 hours)
group by lead_id;

create temp table lead_activity as
with referred as (
    select
        referrer_lead_id as lead_id,
        count(*) filter (where status in ('pending', 'validated')) as generated,
        count(*) filter (where status = 'validated' and coalesce(validated_at < getvariable('end_at'), true)) as validated
    from raw_referrals group by 1
),
changed as (
    select lead_id, arg_max(status, {'at': changed_at, 'place': read_order}) as status from raw_status_changes group by 1
),
marked as (
    select
        lead_id,
        count(*) filter (where event_type = 'unsubscribed') > 0 as unsubscribed,
        count(*) filter (where event_type = 'complained') > 0 as complained,
        max(occurred_at) filter (where event_type = 'bounced') as bounced_at,
        max(occurred_at) filter (where event_type in ('opened', 'clicked', 'completed') and not is_machine) as alive_at
    from raw_events group by 1
),
leads as (
    select
        *, case merged_status when 'engaged' then merged_engaged_at when 'converted' then merged_converted_at
            when 'inactive' then merged_inactive_at end as status_at,
        regexp_matches(coalesce(trim(email), lead_id), '^[^@\s]+@[^@\s]+[.][^@\s]+$') as has_address
    from raw_leads
)
select
    l.lead_id, l.email, l.source, p.platform, p.channel, p.channel_class, p.channel_detail, p.channel_rule,
    l.interest_area,
    case
        when changed.status is not null then changed.status
        when coalesce(status_at < getvariable('end_at'), true) then merged_status
        when merged_status <> 'engaged' and merged_engaged_at < getvariable('end_at') then 'engaged'
        else 'nurturing'
    end as status,
    case
        when changed.status is not null or status_at < getvariable('end_at') then true
        when status_at is null then (from source_state select newest_at < getvariable('end_at') + interval 36 hours)
        else merged_status <> 'engaged' and coalesce(merged_engaged_at < getvariable('end_at'), false)
    end as status_is_dated,
    l.engagement_score as base_score,
    l.merged_created_at as created_at,
    unsubscribed_unreadable or coalesce(merged_unsubscribed_at < getvariable('end_at'), false)
    or coalesce(unsubscribed, false) as is_unsubscribed,
    bounced_at is not null and coalesce(alive_at <= bounced_at, true) as is_bounced,
    coalesce(complained, false) as has_complained,
    (has_address or (from raw_leads select count(email) = 0)) and not is_unsubscribed and not is_bounced
    and not has_complained as may_be_mailed,
    (epoch_us(getvariable('end_at')) - epoch_us(l.merged_created_at)) // 86400000000 as age_days,
    coalesce(deliveries_total, 0) as deliveries_total,
    coalesce(deliveries_7d, 0) as deliveries_7d,
    coalesce(deliveries_30d, 0) as deliveries_30d,
    coalesce(opens_total, 0) as opens_total,
    coalesce(opens_7d, 0) as opens_7d,
    coalesce(completions_total, 0) as completions_total,
    coalesce(completions_7d, 0) as completions_7d,
    coalesce(consumed_30d, 0) as consumed_30d,
    case when deliveries_total > 0 then least(1.0, completions_total / deliveries_total) end as completion_rate,
    case when responses > 0 then response_us / (responses * 3600000000.0) end::double as avg_response_hours,
    latest_us::double / 3600000000.0 as latest_response_hours,
    case when human > 0 then business / human end as business_hours_share,
    case when human > 0 then weekday / human end as weekday_share,
    last_sent_at,
    last_engaged_at,
    (epoch_us(getvariable('end_at')) - epoch_us(last_engaged_at)) // 86400000000 as days_since_engagement,
    (epoch_us(getvariable('end_at')) - epoch_us(coalesce(last_engaged_at, l.merged_created_at))) // 86400000000 as days_inactive,
    coalesce(consumed.content_types, []) as consumed_content_types,
    coalesce(referred.generated, 0) as referrals_generated,
    coalesce(referred.validated, 0) as referrals_validated
from leads as l
left join lead_deliveries using (lead_id)
left join latest using (lead_id)
left join consumed using (lead_id)
left join lead_events using (lead_id)
left join referred using (lead_id)
left join changed using (lead_id)
left join marked using (lead_id)
left join channels as p on l.source = p.source and l.utm_source is not distinct from p.utm_source
    and l.utm_medium is not distinct from p.utm_medium and l.utm_campaign is not distinct from p.utm_campaign
    and l.referrer_url is not distinct from p.referrer_url and l.landing_url is not distinct from p.landing_url
    and l.click_ids is not distinct from p.click_ids;

create temp table daily_metrics as
with days as (
    select unnest(generate_series(getvariable('day') - 89, getvariable('day'), interval 1 day))::date as day
),
ours as (select sent_at::date as sent, completed_at::date as completed, response_us < 86400000000 as soon
    from deliveries semi join raw_leads using (lead_id)),
sent as (select sent as day, count(*) as n, count(*) filter (where soon) as opened from ours group by 1),
completed as (select completed as day, count(*) as n from ours group by 1),
created as (select created_date as day, count(*) as n from raw_leads group by 1),
engaged as (select engaged_date as day, count(*) as n from raw_leads group by 1),
converted as (select converted_date as day, count(*) as n from raw_leads group by 1),
referred as (select created_date as day, count(*) as n, count(*) filter (where status = 'fraud') as fraud
    from raw_referrals group by 1)
select
    day, coalesce(created.n, 0) as new_leads, coalesce(sent.n, 0) as deliveries_sent,
    coalesce(sent.opened, 0) as opened_24h, coalesce(completed.n, 0) as completions,
    coalesce(referred.n, 0) as referrals_created, coalesce(referred.fraud, 0) as referrals_fraud,
    coalesce(engaged.n, 0) as leads_engaged, coalesce(converted.n, 0) as leads_converted
from days left join sent using (day) left join completed using (day) left join created using (day)
left join engaged using (day) left join converted using (day) left join referred using (day)
order by day;

create temp table dynamic_scores as
select
    lead_id, round(base_score::decimal(18, 8), 2)::double as base_score,
    recent::double as recent_activity_points, response::double as response_points, referral::double as referral_points,
    consistency::double as consistency_points, decay::double as decay_points, state::double as status_points,
    (computed - round(base_score::decimal(18, 8), 2) - recent - response - referral - consistency - decay - state)::double
        as clamp_adjustment,
    computed::double as computed_score, previous::double as previous_score, is_analysed,
    abs(candidate - previous) > 1 as is_updated,
    (case when abs(candidate - previous) > 1 then candidate else previous end)::double as score
from (
    select *, case when is_analysed then computed else least(previous, computed) end as candidate
    from (
        select
            *,
            round(least(100, greatest(0, greatest(0, base_score + recent + response + referral + consistency + decay)
                + state))::decimal(18, 8), 2) as computed,
            round(coalesce(before.score, least(100, greatest(0, base_score)))::decimal(18, 8), 2) as previous
        from (
            select
                lead_id, base_score,
                2.0 * completions_7d + 0.5 * opens_7d as recent,
                case when latest_response_hours < 2 then 3 when latest_response_hours < 24 then 1 else 0 end as response,
                5.0 * referrals_generated as referral,
                case when consumed_30d >= 3 and consumed_30d / least(30, greatest(1, age_days)) > 0.2 then 2 else 0 end
                    as consistency,
                -0.5 * greatest(0, days_inactive - 14) as decay,
                case status when 'engaged' then 10 when 'nurturing' then 2 else 0 end as state,
                created_at >= getvariable('end_at') - interval 2160 hours and (
                    coalesce(last_sent_at >= getvariable('month_from'), false)
                    or coalesce(last_engaged_at >= getvariable('month_from'), false) or last_sent_at is null
                ) as is_analysed
            from lead_activity
        )
        left join (select lead_id, arg_max(score, date) as score from previous_scores group by 1) as before using (lead_id)
    )
);

create temp table behavior_predictions as
select
    * exclude (points), round(least(95, points)::decimal(18, 8), 2)::double as conversion_probability,
    case when conversion_probability > 70 then 'likely_to_convert' when conversion_probability >= 50 then 'needs_nurturing'
        when conversion_probability >= 30 then 'needs_engagement' else 'needs_re_engagement' end as predicted_next_action
from (
    select
        lead_id, status, engagement_score, completion_rate, avg_response_hours, business_hours_share,
        round(engagement::decimal(18, 8), 2)::double as engagement_points,
        round(completion::decimal(18, 8), 2)::double as completion_points,
        response::double as response_points, business::double as business_hours_points,
        weekday::double as weekday_points, recency::double as recency_points,
        engagement + completion + response + business + weekday + recency as points
    from (
        select
            a.lead_id, status, s.score as engagement_score, completion_rate, avg_response_hours, business_hours_share,
            40 * least(1.0, s.score / 8) as engagement, coalesce(30 * completion_rate, 0) as completion,
            case when avg_response_hours < 2 then 15 when avg_response_hours < 24 then 10 else 0 end as response,
            case when business_hours_share > 0.6 then 10 else 0 end as business,
            case when weekday_share > 0.7 then 5 else 0 end as weekday,
            case when days_since_engagement < 3 then 10 when days_since_engagement < 7 then 5 else 0 end as recency
        from lead_activity as a join dynamic_scores as s using (lead_id)
        where status not in ('converted', 'inactive')
    )
);

create temp table content_recommendations as
with catalogue as (
    select rule, place, i.content_type, i.title, reason, coalesce(min(c.content_id), min(i.content_id)) as content_id
    from items as i left join raw_content as c on i.content_type = c.content_type and i.title = c.title
    group by all
),
done as (
    select distinct lead_id, content_id from raw_events
    where content_id in (select content_id from catalogue) and event_type = 'completed' and not is_machine
)
select lead_id, row_number() over (partition by lead_id order by place) as rank, rule, content_type, title, reason, content_id
from (
    select lead_id, unnest(list_filter([
        case when interest_area = 'marketing' then 'interest_marketing' end,
        case when interest_area = 'sales' then 'interest_sales' end,
        case when list_contains(types, 'blog') and not list_contains(types, 'guide') then 'complement_guides' end,
        case when completions_total >= 3 and not list_contains(types, 'video') then 'complement_videos' end,
        case when score >= 8 then 'high_engagement' end,
        case when status = 'nurturing' and score >= 7 then 'near_conversion' end,
        case when completions_total >= 5 then 'premium' end
    ], lambda x: x is not null)) as rule
    from (select *, consumed_content_types as types from lead_activity)
    join (select lead_id, score from dynamic_scores) using (lead_id)
    where status in ('new', 'nurturing', 'engaged') and not is_unsubscribed and not is_bounced and not has_complained
)
join catalogue using (rule)
anti join done using (lead_id, content_id)
qualify rank <= 5;

create temp table lead_segments as
with facts as (select a.*, s.score as engagement_score from lead_activity as a
    join (select lead_id, score from dynamic_scores) as s using (lead_id))
select 'high_value_prospects' as segment, lead_id from facts where engagement_score >= 10 and status = 'nurturing'
union all select 'quick_responders', lead_id from facts where avg_response_hours < 2
union all select 'content_consumers', lead_id from facts where completions_total >= 3
union all select 'referral_champions', lead_id from facts where referrals_validated >= 2
union all select 'at_risk', lead_id from facts where status = 'nurturing' and engagement_score < 3 and age_days >= 30
union all select 'ready_to_convert', lead_id from facts
where engagement_score >= 8 and status = 'nurturing' and completions_total >= 5;

create temp table segment_changes as
select segment, lead_id, case when b.lead_id is null then 'entered' else 'left' end as change
from lead_segments as a full join previous_segments as b using (segment, lead_id)
where getvariable('has_previous') and (a.lead_id is null or b.lead_id is null);

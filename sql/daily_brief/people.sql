-- Grain: one row per lead to talk to, the first $people of each kind. Key: lead_id. Reads: segment_changes,
-- dynamic_scores, lead_activity, behavior_predictions, content_recommendations, all of the day alone.
with
reasons as (
    select
        lead_id,
        case when segment = $ready_segment then 1 else 3 end as kind
    from day_segment_changes
    where change = 'entered' and segment in ($ready_segment, $risk_segment)
    union all
    select
        lead_id,
        2 as kind
    from day_dynamic_scores
    where is_updated and score > previous_score
),

kinds as (
    select
        lead_id,
        min(kind) as kind
    from reasons
    group by lead_id
),

leads as (
    select
        kinds.kind,
        lead_activity.*,
        dynamic_scores.score,
        dynamic_scores.score - dynamic_scores.previous_score as rise,
        dynamic_scores.recent_activity_points,
        dynamic_scores.response_points as latest_response_points,
        dynamic_scores.referral_points,
        dynamic_scores.consistency_points,
        row_number() over (
            partition by kinds.kind
            order by
                case when kinds.kind = 2 then dynamic_scores.score - dynamic_scores.previous_score else 0 end desc,
                case when kinds.kind = 3 then lead_activity.opens_total else 0 end desc,
                dynamic_scores.score desc,
                lead_activity.lead_id
        ) as place
    from kinds
    inner join day_lead_activity as lead_activity on kinds.lead_id = lead_activity.lead_id
    inner join day_dynamic_scores as dynamic_scores on kinds.lead_id = dynamic_scores.lead_id
    where lead_activity.status in ('new', 'nurturing', 'engaged')
)

select
    case leads.kind when 1 then 'ready' when 2 then 'rose' else 'risk' end as kind,
    leads.place,
    leads.lead_id,
    leads.email,
    leads.may_be_mailed,
    leads.score,
    leads.rise,
    leads.completions_7d,
    leads.opens_7d,
    leads.completions_total,
    leads.deliveries_30d,
    leads.consumed_30d,
    leads.completion_rate,
    leads.avg_response_hours,
    leads.latest_response_hours,
    leads.referrals_generated,
    leads.days_since_engagement,
    leads.days_inactive,
    leads.recent_activity_points,
    leads.latest_response_points,
    leads.referral_points,
    leads.consistency_points,
    predictions.engagement_points,
    predictions.completion_points,
    predictions.response_points,
    predictions.recency_points,
    items.title as next_item
from leads
left join day_behavior_predictions as predictions on leads.lead_id = predictions.lead_id
left join day_content_recommendations as items on leads.lead_id = items.lead_id and items.rank = 1
where leads.place <= $people
order by leads.kind, leads.place

-- Grain: one row per lead whose status is neither converted nor inactive. Key: lead_id.
-- Reads: lead_activity, dynamic_scores. Parameters: the policy section behavior_predictions.
with pointed as (
    select
        activity.lead_id,
        activity.status,
        scores.score as engagement_score,
        activity.completion_rate,
        activity.avg_response_hours,
        activity.business_hours_share,
        $engagement_points * least(1.0, scores.score / $full_engagement_score) as engagement_points,
        coalesce($completion_points * activity.completion_rate, 0.0) as completion_points,
        case
            when activity.avg_response_hours < $fast_response_hours then $fast_response_points
            when activity.avg_response_hours < $response_hours then $response_points
            else 0.0
        end as response_points,
        case when activity.business_hours_share > $business_hours_share then $business_hours_points else 0.0 end
            as business_hours_points,
        case when activity.weekday_share > $weekday_share then $weekday_points else 0.0 end as weekday_points,
        case
            when activity.days_since_engagement < $recent_days then $recent_points
            when activity.days_since_engagement < $week_days then $week_points
            else 0.0
        end as recency_points
    from lead_activity as activity
    inner join dynamic_scores as scores on activity.lead_id = scores.lead_id
    where activity.status not in ('converted', 'inactive')
),

predicted as (
    select
        *,
        round(
            cast(
                least(
                    $maximum_probability,
                    engagement_points + completion_points + response_points + business_hours_points + weekday_points
                    + recency_points
                ) as decimal(18, 8)
            ), 2
        ) as conversion_probability
    from pointed
)

select
    lead_id,
    status,
    engagement_score,
    completion_rate,
    avg_response_hours,
    business_hours_share,
    round(cast(engagement_points as decimal(18, 8)), 2) as engagement_points,
    round(cast(completion_points as decimal(18, 8)), 2) as completion_points,
    round(cast(response_points as decimal(18, 8)), 2) as response_points,
    round(cast(business_hours_points as decimal(18, 8)), 2) as business_hours_points,
    round(cast(weekday_points as decimal(18, 8)), 2) as weekday_points,
    round(cast(recency_points as decimal(18, 8)), 2) as recency_points,
    conversion_probability,
    case
        when conversion_probability > $likely_above then 'likely_to_convert'
        when conversion_probability >= $nurturing_from then 'needs_nurturing'
        when conversion_probability >= $engagement_from then 'needs_engagement'
        else 'needs_re_engagement'
    end as predicted_next_action
from predicted

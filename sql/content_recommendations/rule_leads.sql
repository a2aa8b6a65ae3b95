-- Grain: one row per lead: whether it may be recommended anything, and which rules hold for it. Key: lead_id.
-- Reads: lead_activity, dynamic_scores. Parameters: the thresholds of the policy section content_recommendations.
with facts as (
    select
        activity.lead_id,
        activity.interest_area,
        activity.status,
        activity.completions_total,
        scores.score as engagement_score,
        list_contains(activity.consumed_content_types, 'blog') as read_blog,
        list_contains(activity.consumed_content_types, 'guide') as read_guide,
        list_contains(activity.consumed_content_types, 'video') as saw_video,
        activity.status in ('new', 'nurturing', 'engaged')
        and not activity.is_unsubscribed
        and not activity.is_bounced
        and not activity.has_complained as is_recipient
    from lead_activity as activity
    inner join dynamic_scores as scores on activity.lead_id = scores.lead_id
)

select
    lead_id,
    interest_area,
    is_recipient,
    coalesce(interest_area = 'marketing', false) as interest_marketing,
    coalesce(interest_area = 'sales', false) as interest_sales,
    read_blog and not read_guide as complement_guides,
    completions_total >= $complement_videos_completions and not saw_video as complement_videos,
    engagement_score >= $high_engagement_score as high_engagement,
    status = 'nurturing' and engagement_score >= $near_conversion_score as near_conversion,
    completions_total >= $premium_completions as premium
from facts

-- Grain: one row per lead and recommended item. Key: lead_id, rank.
-- Reads: lead_activity, dynamic_scores, raw_content, items (rule, place, content_type, title, reason, content_id),
-- completed (lead_id, content_id: the items that leads have completed).
-- Parameters: the thresholds of the policy section content_recommendations.
-- A lead's items are the bits of one number, in order of place. So memory holds one row per lead, and an item's rank is
-- the number of bits set up to its own.
with catalogue as (
    select
        items.rule,
        items.content_type,
        items.title,
        items.reason,
        cast(pow(2, items.place - 1) as bigint) as bit,
        coalesce(min(content.content_id), min(items.content_id)) as content_id
    from items
    left join raw_content as content
        on items.content_type = content.content_type and items.title = content.title
    group by items.rule, items.place, items.content_type, items.title, items.reason
),

eligible as (
    select
        activity.lead_id,
        activity.interest_area,
        activity.status,
        activity.completions_total,
        scores.score as engagement_score,
        list_contains(activity.consumed_content_types, 'blog') as read_blog,
        list_contains(activity.consumed_content_types, 'guide') as read_guide,
        list_contains(activity.consumed_content_types, 'video') as saw_video
    from lead_activity as activity
    inner join dynamic_scores as scores on activity.lead_id = scores.lead_id
    where
        activity.status in ('new', 'nurturing', 'engaged')
        and not activity.is_unsubscribed
        and not activity.is_bounced
        and not activity.has_complained
),

matched as (
    select
        eligible.lead_id,
        catalogue.bit,
        catalogue.content_id
    from eligible
    inner join catalogue
        on
            case catalogue.rule
                when 'interest_marketing' then eligible.interest_area = 'marketing'
                when 'interest_sales' then eligible.interest_area = 'sales'
                when 'complement_guides' then eligible.read_blog and not eligible.read_guide
                when 'complement_videos'
                    then eligible.completions_total >= $complement_videos_completions and not eligible.saw_video
                when 'high_engagement' then eligible.engagement_score >= $high_engagement_score
                when 'near_conversion'
                    then eligible.status = 'nurturing' and eligible.engagement_score >= $near_conversion_score
                when 'premium' then eligible.completions_total >= $premium_completions
            end
),

recommended as (
    select
        matched.lead_id,
        bit_or(matched.bit) as bits
    from matched
    left join completed on matched.lead_id = completed.lead_id and matched.content_id = completed.content_id
    where completed.lead_id is null
    group by matched.lead_id
),

ranked as (
    select
        recommended.lead_id,
        bit_count(recommended.bits & (2 * catalogue.bit - 1)) as rank,
        catalogue.rule,
        catalogue.content_type,
        catalogue.title,
        catalogue.reason,
        catalogue.content_id
    from recommended
    inner join catalogue on recommended.bits & catalogue.bit <> 0
)

select
    lead_id,
    rank,
    rule,
    content_type,
    title,
    reason,
    content_id
from ranked
where rank <= $maximum_items

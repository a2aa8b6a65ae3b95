-- Grain: one row per channel, with its counts; the rates are computed from them. Key: channel.
-- Reads: lead_activity, dynamic_scores. Parameter: $created_from, the start of the window.
select
    activity.channel,
    activity.platform is not null as is_social,
    count(*) as total_leads,
    count(case when activity.status in ('engaged', 'converted') then 1 end) as engaged_leads,
    cast(sum(cast(scores.score as decimal(18, 2))) as double) as score_sum,
    cast(sum(activity.referrals_generated) as bigint) as referrals_generated,
    count(case when activity.referrals_generated > 0 then 1 end) as leads_with_referral
from lead_activity as activity
inner join dynamic_scores as scores on activity.lead_id = scores.lead_id
where activity.created_at >= $created_from
group by 1, 2

-- Grain: one row per rule: on how many leads of the evidence days it held, and what became of them; `all` is every lead.
-- Key: rule_kind, rule. Reads: judged_leads; past_scores, past_predictions, past_segments and past_recommendations (the
-- outputs of the evidence days). Parameters: $band_points and $last_band.
with held as (
    select
        'all' as rule_kind,
        'all' as rule,
        leads.lead_id,
        leads.is_converted
    from judged_leads as leads
    union all
    select
        'channel' as rule_kind,
        leads.channel as rule,
        leads.lead_id,
        leads.is_converted
    from judged_leads as leads
    union all
    select
        'score_band' as rule_kind,
        cast(cast(least(floor(scores.score / $band_points), $last_band) as bigint) as varchar) as rule,
        leads.lead_id,
        leads.is_converted
    from judged_leads as leads
    inner join past_scores as scores on leads.lead_id = scores.lead_id and leads.date = scores.date
    union all
    select
        'score_part' as rule_kind,
        case when scores.recent_activity_points = 0 then 'recent_activity: none' else 'recent_activity: has points' end
            as rule,
        leads.lead_id,
        leads.is_converted
    from judged_leads as leads
    inner join past_scores as scores on leads.lead_id = scores.lead_id and leads.date = scores.date
    union all
    select
        'score_part' as rule_kind,
        case when scores.response_points = 0 then 'response: none' else 'response: has points' end as rule,
        leads.lead_id,
        leads.is_converted
    from judged_leads as leads
    inner join past_scores as scores on leads.lead_id = scores.lead_id and leads.date = scores.date
    union all
    select
        'score_part' as rule_kind,
        case when scores.referral_points = 0 then 'referral: none' else 'referral: has points' end as rule,
        leads.lead_id,
        leads.is_converted
    from judged_leads as leads
    inner join past_scores as scores on leads.lead_id = scores.lead_id and leads.date = scores.date
    union all
    select
        'score_part' as rule_kind,
        case when scores.consistency_points = 0 then 'consistency: none' else 'consistency: has points' end as rule,
        leads.lead_id,
        leads.is_converted
    from judged_leads as leads
    inner join past_scores as scores on leads.lead_id = scores.lead_id and leads.date = scores.date
    union all
    select
        'score_part' as rule_kind,
        case when scores.decay_points = 0 then 'decay: none' else 'decay: has points' end as rule,
        leads.lead_id,
        leads.is_converted
    from judged_leads as leads
    inner join past_scores as scores on leads.lead_id = scores.lead_id and leads.date = scores.date
    union all
    select
        'score_part' as rule_kind,
        case when scores.status_points = 0 then 'status: none' else 'status: has points' end as rule,
        leads.lead_id,
        leads.is_converted
    from judged_leads as leads
    inner join past_scores as scores on leads.lead_id = scores.lead_id and leads.date = scores.date
    union all
    select
        'predicted_action' as rule_kind,
        predictions.predicted_next_action as rule,
        leads.lead_id,
        leads.is_converted
    from judged_leads as leads
    inner join past_predictions as predictions
        on leads.lead_id = predictions.lead_id and leads.date = predictions.date
    union all
    select
        'segment' as rule_kind,
        segments.segment as rule,
        leads.lead_id,
        leads.is_converted
    from judged_leads as leads
    inner join past_segments as segments on leads.lead_id = segments.lead_id and leads.date = segments.date
    union all
    select
        'recommendation_rule' as rule_kind,
        items.rule,
        leads.lead_id,
        leads.is_converted
    from judged_leads as leads
    inner join past_recommendations as items on leads.lead_id = items.lead_id and leads.date = items.date
)

select
    rule_kind,
    rule,
    count(*) as leads,
    count(case when is_converted then 1 end) as conversions,
    count(distinct case when is_converted then lead_id end) as converted_leads
from held
group by rule_kind, rule
order by rule_kind, rule

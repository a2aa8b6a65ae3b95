-- Grain: one row per lead. Key: lead_id.
-- Reads: lead_activity, previous_scores (the published scores of earlier days, with their day as `date`).
-- Parameters: the policy section dynamic_scores; $analysed_created_from and $analysed_active_from.
-- A base score above 1e9 does not fit the decimal type; the excess is carried separately, as a double.
with previous as (
    select
        lead_id,
        arg_max(score, date) as score
    from previous_scores
    group by lead_id
),

pointed as (
    select
        lead_id,
        base_score,
        $completion_points * completions_7d + $open_points * opens_7d as recent_activity_points,
        case
            when latest_response_hours < $fast_response_hours then $fast_response_points
            when latest_response_hours < $response_hours then $response_points
            else 0.0
        end as response_points,
        $referral_points * referrals_generated as referral_points,
        case
            when
                consumed_30d >= $consistency_consumed
                and cast(consumed_30d as double) / least($consistency_days, greatest(1, age_days))
                > $consistency_per_day
                then $consistency_points
            else 0.0
        end as consistency_points,
        0.0 - $decay_points_per_day * greatest(0, days_inactive - $decay_after_days) as decay_points,
        case
            when status = 'engaged' then $engaged_points
            when status = 'nurturing' then $nurturing_points
            else 0.0
        end as status_points,
        created_at >= $analysed_created_from
        and (
            coalesce(last_sent_at >= $analysed_active_from, false)
            or coalesce(last_engaged_at >= $analysed_active_from, false)
            or last_sent_at is null
        ) as is_analysed
    from lead_activity
),

summed as (
    select
        *,
        greatest(
            $minimum_score,
            base_score + recent_activity_points + response_points + referral_points + consistency_points + decay_points
        ) + status_points as total
    from pointed
),

computed as (
    select
        summed.lead_id,
        summed.is_analysed,
        round(cast(least(summed.base_score, 1e9) as decimal(18, 8)), 2) as decimal_base_score,
        greatest(0.0, summed.base_score - 1e9) as base_score_beyond_decimals,
        round(cast(summed.recent_activity_points as decimal(18, 8)), 2) as recent_activity_points,
        round(cast(summed.response_points as decimal(18, 8)), 2) as response_points,
        round(cast(summed.referral_points as decimal(18, 8)), 2) as referral_points,
        round(cast(summed.consistency_points as decimal(18, 8)), 2) as consistency_points,
        round(cast(summed.decay_points as decimal(18, 8)), 2) as decay_points,
        round(cast(summed.status_points as decimal(18, 8)), 2) as status_points,
        round(cast(least($maximum_score, greatest($minimum_score, summed.total)) as decimal(18, 8)), 2)
            as computed_score,
        coalesce(
            round(cast(previous.score as decimal(18, 8)), 2),
            round(cast(least($maximum_score, greatest($minimum_score, summed.base_score)) as decimal(18, 8)), 2)
        ) as previous_score
    from summed
    left join previous on summed.lead_id = previous.lead_id
),

candidates as (
    select
        *,
        case when is_analysed then computed_score else least(previous_score, computed_score) end as candidate_score
    from computed
),

decided as (
    select
        *,
        abs(candidate_score - previous_score) > $minimum_change as is_updated
    from candidates
)

select
    lead_id,
    cast(decimal_base_score as double) + base_score_beyond_decimals as base_score,
    recent_activity_points,
    response_points,
    referral_points,
    consistency_points,
    decay_points,
    status_points,
    cast(
        computed_score - (
            decimal_base_score + recent_activity_points + response_points + referral_points + consistency_points
            + decay_points + status_points
        ) as double
    ) - base_score_beyond_decimals as clamp_adjustment,
    computed_score,
    previous_score,
    is_analysed,
    is_updated,
    case when is_updated then candidate_score else previous_score end as score
from decided

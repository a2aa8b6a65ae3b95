-- Grain: one row per lead: what the present and the new policy say of it. Key: lead_id.
-- Reads: scores, predictions, segments and items of the day, each with _before and _after.
with segment_changes as (
    select lead_id
    from (
        select
            segment,
            lead_id
        from segments_before
        except
        select
            segment,
            lead_id
        from segments_after
    ) as lost
    union
    select lead_id
    from (
        select
            segment,
            lead_id
        from segments_after
        except
        select
            segment,
            lead_id
        from segments_before
    ) as gained
),

item_changes as (
    select lead_id
    from (
        select
            lead_id,
            rule,
            title
        from items_before
        except
        select
            lead_id,
            rule,
            title
        from items_after
    ) as lost
    union
    select lead_id
    from (
        select
            lead_id,
            rule,
            title
        from items_after
        except
        select
            lead_id,
            rule,
            title
        from items_before
    ) as gained
)

select
    scores_before.lead_id,
    scores_before.score as score_before,
    scores_after.score as score_after,
    predictions_before.conversion_probability as points_before,
    predictions_after.conversion_probability as points_after,
    predictions_before.predicted_next_action as action_before,
    predictions_after.predicted_next_action as action_after,
    scores_before.score <> scores_after.score as has_new_score,
    coalesce(predictions_before.predicted_next_action, '') <> coalesce(predictions_after.predicted_next_action, '')
        as has_new_action,
    segment_changes.lead_id is not null as has_new_segments,
    item_changes.lead_id is not null as has_new_items
from scores_before
inner join scores_after on scores_before.lead_id = scores_after.lead_id
left join predictions_before on scores_before.lead_id = predictions_before.lead_id
left join predictions_after on scores_before.lead_id = predictions_after.lead_id
left join segment_changes on scores_before.lead_id = segment_changes.lead_id
left join item_changes on scores_before.lead_id = item_changes.lead_id

-- Grain: one row with the same numbers from other tables; 0 for a gap. Reads: staged, raw_leads, behavior_predictions.
select
    case
        when staged.new_leads is null then 0
        else
            (
                select count(*)
                from raw_leads
                where raw_leads.merged_created_at >= $since and raw_leads.merged_created_at < $until
            )
    end as new_leads,
    case
        when staged.likely_to_convert is null then 0
        else
            (
                select count(*)
                from behavior_predictions
                where behavior_predictions.date = staged.day
                    and behavior_predictions.conversion_probability > $likely_above
            )
    end as likely_to_convert
from staged

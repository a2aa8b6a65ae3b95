-- Grain: one row per lead created before $end_at, with its attributes and referrals. Key: lead_id.
-- Reads: raw_leads, lead_referrals, last_statuses, source_state, lead_combinations, channels (the combinations of a lead's
-- channel fields, with where they come from). Parameters: $end_at (T), $dated_until, and the form of an address.
-- Times and status consider all rows that became the lead. The status comes from the last status change, or else from the
-- source, which knows only today's; a source status whose own time is not before T did not hold yet. A status is dated if it
-- comes from a change, if its own time is known, or if the source has nothing much newer than T.
with known as (
    select
        leads.lead_id,
        leads.email,
        leads.source,
        lead_combinations.combination,
        leads.interest_area,
        leads.engagement_score,
        leads.merged_created_at,
        leads.merged_engaged_at,
        leads.merged_status,
        leads.unsubscribed_unreadable
        or coalesce(leads.merged_unsubscribed_at < $end_at, false) as is_unsubscribed_in_source,
        last_statuses.status as changed_status,
        case leads.merged_status
            when 'engaged' then leads.merged_engaged_at
            when 'converted' then leads.merged_converted_at
            when 'inactive' then leads.merged_inactive_at
        end as status_at,
        coalesce(lead_referrals.referrals_generated, 0) as referrals_generated,
        coalesce(lead_referrals.referrals_validated, 0) as referrals_validated
    from raw_leads as leads
    left join lead_combinations on leads.lead_id = lead_combinations.lead_id
    left join lead_referrals on leads.lead_id = lead_referrals.lead_id
    left join last_statuses on leads.lead_id = last_statuses.lead_id
),

rested as (
    select
        *,
        case
            when changed_status is not null then 'change'
            when status_at is null then 'source'
            when status_at < $end_at then 'own time'
            when merged_status in ('converted', 'inactive') and merged_engaged_at < $end_at then 'engaged before'
            else 'nothing'
        end as rests_on
    from known
)

select
    rested.lead_id,
    rested.email,
    rested.source,
    channels.platform,
    channels.channel,
    channels.channel_class,
    channels.channel_detail,
    channels.channel_rule,
    rested.interest_area,
    case rested.rests_on
        when 'change' then rested.changed_status
        when 'engaged before' then 'engaged'
        when 'nothing' then 'nurturing'
        else rested.merged_status
    end as status,
    case rested.rests_on
        when 'source' then (select coalesce(max(source_state.newest_at) < $dated_until, false) from source_state)
        else rested.rests_on <> 'nothing'
    end as status_is_dated,
    rested.engagement_score as base_score,
    rested.merged_created_at as created_at,
    rested.is_unsubscribed_in_source,
    rested.email is not null
    and regexp_matches(trim(rested.email), $address)
    and length(trim(rested.email)) <= $longest_address as has_address,
    regexp_matches(rested.lead_id, $address) and length(rested.lead_id) <= $longest_address as is_address,
    rested.email is not null as has_email,
    rested.referrals_generated,
    rested.referrals_validated
from rested
left join channels on rested.combination = channels.combination

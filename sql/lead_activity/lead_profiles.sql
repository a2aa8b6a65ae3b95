-- Grain: one row per lead created before $end_at, with what it is and whom it referred. Key: lead_id.
-- Reads: raw_leads, lead_referrals, last_statuses, platforms (a lead's channel fields and their platform).
-- Parameter: $end_at (T).
select
    leads.lead_id,
    leads.email,
    leads.source,
    platforms.platform,
    leads.interest_area,
    case
        when last_statuses.status is not null then last_statuses.status
        when leads.status in ('new', 'nurturing', 'inactive') then leads.status
        when leads.status = 'converted' and (leads.converted_at is null or leads.converted_at < $end_at)
            then 'converted'
        when leads.status = 'engaged' and (leads.engaged_at is null or leads.engaged_at < $end_at) then 'engaged'
        when leads.status = 'converted' and leads.engaged_at < $end_at then 'engaged'
        else 'nurturing'
    end as status,
    leads.engagement_score as base_score,
    leads.created_at,
    coalesce(leads.unsubscribed_at < $end_at, false) as is_unsubscribed,
    coalesce(lead_referrals.referrals_generated, 0) as referrals_generated,
    coalesce(lead_referrals.referrals_validated, 0) as referrals_validated
from raw_leads as leads
left join lead_referrals on leads.lead_id = lead_referrals.lead_id
left join last_statuses on leads.lead_id = last_statuses.lead_id
left join platforms
    on
        leads.source = platforms.source
        and leads.utm_source is not distinct from platforms.utm_source
        and leads.utm_medium is not distinct from platforms.utm_medium
        and leads.referrer_host is not distinct from platforms.referrer_host

-- Grain: one row per lead: the fields that decide its channel, reduced to few distinct values, in one text. Key: lead_id.
-- Reads: raw_leads; path_hosts (hosts whose paths say more than the host); campaign_words (words that the policy's rules
-- look for in utm_campaign; often empty).
-- Parameters: $apart, the character between the fields; $click_id_pattern, $cross_network_pattern, $shopping_pattern,
-- $path_pattern, $mail_path_pattern: regular expressions (acquisition_assets/channels/reduce.py).
-- The values of click ids and the pages of the referrer and of the landing page, which differ from lead to lead, are dropped.
-- A referrer on the host of the landing page is marked, as it is the team's own site.
with campaigns as (
    select
        utm_campaign,
        case
            when regexp_matches(utm_campaign, $cross_network_pattern) then 'cross_network'
            when regexp_matches(utm_campaign, $shopping_pattern) then 'shopping'
        end as campaign_kind
    from raw_leads
    where utm_campaign is not null
    group by utm_campaign
),

words_found as (
    select
        campaigns.utm_campaign,
        array_to_string(list_sort(array_agg(campaign_words.word)), '|') as campaign_words
    from campaigns
    inner join campaign_words on contains(lower(campaigns.utm_campaign), campaign_words.word)
    group by campaigns.utm_campaign
),

campaigns_read as (
    select
        campaigns.utm_campaign,
        campaigns.campaign_kind,
        words_found.campaign_words
    from campaigns
    left join words_found on campaigns.utm_campaign = words_found.utm_campaign
    where campaigns.campaign_kind is not null or words_found.campaign_words is not null
),

leads as (
    select
        lead_id,
        source,
        utm_source,
        utm_medium,
        utm_campaign,
        referrer_host,
        referrer_url,
        case
            when contains(landing_url, referrer_host)
                then
                    starts_with(landing_url, concat('https://', referrer_host))
                    or starts_with(landing_url, concat('http://', referrer_host))
                    or starts_with(landing_url, concat('https://www.', referrer_host))
                    or starts_with(landing_url, concat('http://www.', referrer_host))
            else false
        end as is_own,
        array_to_string(
            regexp_extract_all(
                concat_ws(
                    ' ',
                    landing_url,
                    case
                        when contains(referrer_url, 'id=') or contains(referrer_url, 'gad_source=') then referrer_url
                    end,
                    click_ids
                ), $click_id_pattern, 1
            ), ' '
        ) as click_id_names
    from raw_leads
)

select
    leads.lead_id,
    concat_ws(
        $apart,
        coalesce(replace(leads.source, $apart, ''), ''),
        coalesce(replace(leads.utm_source, $apart, ''), ''),
        coalesce(replace(leads.utm_medium, $apart, ''), ''),
        coalesce(campaigns_read.campaign_kind, ''),
        coalesce(campaigns_read.campaign_words, ''),
        coalesce(replace(leads.referrer_host, $apart, ''), ''),
        case
            when leads.is_own then ''
            when path_hosts.host is not null and regexp_matches(leads.referrer_url, $path_pattern)
                then lower(regexp_extract(leads.referrer_url, $path_pattern, 1))
            when
                (
                    contains(leads.referrer_url, '/mail/')
                    or contains(leads.referrer_url, '/webmail')
                    or contains(leads.referrer_url, '/owa/')
                    or contains(leads.referrer_url, '/roundcube')
                    or contains(leads.referrer_url, '/horde/')
                )
                and regexp_matches(leads.referrer_url, $mail_path_pattern)
                then concat('/', lower(regexp_extract(leads.referrer_url, $mail_path_pattern, 1)))
            else ''
        end,
        case when leads.is_own then 'own' else '' end,
        coalesce(leads.click_id_names, '')
    ) as combination
from leads
left join campaigns_read on leads.utm_campaign = campaigns_read.utm_campaign
left join path_hosts on leads.referrer_host = path_hosts.host

-- Grain: one row per lead and recommended item of the document. Key: lead_id, rank.
-- Reads: rule_leads, raw_content, items (rule, place, content_type, title, reason, content_id), completed (lead_id,
-- content_id: the items that leads have completed). Parameter: $maximum_items.
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

matched as (
    select
        leads.lead_id,
        catalogue.bit,
        catalogue.content_id
    from rule_leads as leads
    inner join catalogue
        on
            case catalogue.rule
                when 'interest_marketing' then leads.interest_marketing
                when 'interest_sales' then leads.interest_sales
                when 'complement_guides' then leads.complement_guides
                when 'complement_videos' then leads.complement_videos
                when 'high_engagement' then leads.high_engagement
                when 'near_conversion' then leads.near_conversion
                when 'premium' then leads.premium
            end
    where leads.is_recipient
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
    content_id,
    cast(null as double) as item_score,
    cast(null as double) as popularity_part,
    cast(null as double) as personal_part,
    cast(null as varchar) as because_content_id,
    cast(null as varchar) as next_content_id,
    cast(null as double) as next_score
from ranked
where rank <= $maximum_items

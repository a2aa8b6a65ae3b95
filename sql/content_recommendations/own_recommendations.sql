-- Grain: one row per lead and recommended item of the team. Key: lead_id, rank.
-- Reads: picks (numbers of the chosen items, their scores and the number of the reason), numbered_leads, catalogue, words
-- (reason_number, rule, words).
select
    leads.lead_id,
    picks.rank,
    words.rule,
    items.content_type,
    items.title,
    replace(
        replace(words.words, '{leads}', cast(picks.readers as varchar)), '{title}', coalesce(because.title, '')
    ) as reason,
    items.content_id,
    picks.item_score,
    picks.popularity_part,
    picks.personal_part,
    because.content_id as because_content_id,
    following.content_id as next_content_id,
    picks.next_score
from picks
inner join numbered_leads as leads on picks.lead_number = leads.lead_number
inner join catalogue as items on picks.item_number = items.item_number
inner join words on picks.reason_number = words.reason_number
left join catalogue as because on picks.because_number = because.item_number
left join catalogue as following on picks.next_number = following.item_number

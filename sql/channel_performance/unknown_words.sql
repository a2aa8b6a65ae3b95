-- Grain: one row per word of leads whose channel is unknown, the most frequent of them. Key: word.
-- Reads: lead_activity. Parameters: $created_from, the start of the window, and $unknown_words, how many.
-- Leads that nothing is known of have no word and are left out.
select
    channel_detail as word,
    count(*) as leads
from lead_activity
where created_at >= $created_from and channel_class = 'unknown' and channel_detail is not null
group by channel_detail
order by leads desc, word
limit $unknown_words

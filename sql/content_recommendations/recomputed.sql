-- Grain: one row with the number of leads that meet the first rule and have not completed its item. Other rules cannot
-- displace that item.
-- Reads: lead_activity, raw_content, items, completed.
with ids as (
    select coalesce(min(content.content_id), min(items.content_id)) as content_id
    from items
    left join raw_content as content on items.title = content.title and items.content_type = content.content_type
    where items.rule = 'interest_marketing'
)

select count(*) as interest_marketing_items
from lead_activity
where
    interest_area = 'marketing'
    and status <> 'converted'
    and status <> 'inactive'
    and not is_unsubscribed
    and not is_bounced
    and not has_complained
    and lead_id not in (
        select lead_id from completed
        where content_id in (select content_id from ids)
    )

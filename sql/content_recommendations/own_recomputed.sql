-- Grain: one row: how many leads meet the first rule and have an item of its kind left (other rules cannot displace it),
-- and how many staged items their lead has completed, by the raw events.
-- Reads: staged, rule_leads, numbered_leads, lead_items, catalogue, first_kind (item_number: the items of the kind),
-- raw_events, item_deliveries. Parameters: $sent_steps, $opened_steps.
with known as (
    select
        lead_number,
        count(*) as items
    from (
        select
            items.lead_number,
            items.item_number
        from lead_items as items
        where
            items.item_number in (select first_kind.item_number from first_kind)
            and (items.sent_age < $sent_steps or items.read_age < $opened_steps or items.completed = 1)
        group by items.lead_number, items.item_number
    ) as one_each
    group by lead_number
),

wanted as (
    select count(*) as leads
    from rule_leads as facts
    inner join numbered_leads as leads on facts.lead_id = leads.lead_id
    left join known on leads.lead_number = known.lead_number
    where
        facts.is_recipient
        and facts.interest_area = 'marketing'
        and coalesce(known.items, 0) < (select count(*) from first_kind)
),

completed as (
    select count(*) as items
    from staged
    inner join raw_events as events on staged.lead_id = events.lead_id and staged.content_id = events.content_id
    where
        events.event_type = 'completed'
        and not events.is_machine
        and coalesce(events.delivery_id, '') not in (select item_deliveries.delivery_id from item_deliveries)
)

select
    wanted.leads as interest_marketing_items,
    completed.items as completed_items
from wanted
cross join completed

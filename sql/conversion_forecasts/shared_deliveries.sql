-- Grain: one row per delivery of a sampled lead that has events of several leads. Key: delivery_id.
-- Reads: day_events, sampled_events. Deliveries are looked up by the hash of their id, as in mixed_deliveries.
select delivery_id
from day_events
where
    delivery_id is not null
    and hash(delivery_id) in (
        select hash(delivery_id)
        from sampled_events
        where is_named
    )
group by delivery_id
having min(lead_id) <> max(lead_id)

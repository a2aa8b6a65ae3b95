-- Grain: one row per lead that opened a delivery of the history, with the response time of the one opened last.
-- Key: lead_id. Reads: deliveries, lead_deliveries. Parameter: $history_from.
-- Of deliveries opened at the same time, the one with the greatest delivery_id is the latest.
select
    found.lead_id,
    found.latest.response_us as latest_response_us
from (
    select
        deliveries.lead_id,
        max({ 'delivery_id': deliveries.delivery_id, 'response_us': deliveries.response_us }) as latest
    from deliveries
    inner join lead_deliveries as facts
        on deliveries.lead_id = facts.lead_id and deliveries.opened_at = facts.last_opened_at
    where coalesce(deliveries.sent_at, deliveries.first_event_at) >= $history_from
    group by deliveries.lead_id
) as found

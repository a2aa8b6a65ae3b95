-- Grain: one row: deliveries whose opening is before their sending; they have no response time. Reads: deliveries.
select count(*) as deliveries_opened_before_sent
from deliveries
where opened_at < sent_at

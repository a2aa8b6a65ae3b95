-- Grain: one row with the number of deliveries opened before they were sent; they have no response time.
-- Reads: deliveries.
select count(*) as deliveries_opened_before_sent
from deliveries
where opened_at < sent_at

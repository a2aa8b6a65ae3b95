-- Grain: one row per time, channel, campaign and currency: the money spent. Key: all but amount. Reads: raw_spend.
-- Parameter: $spent_from, the earliest time that counts.
select
    day as spent_at,
    channel,
    utm_source,
    utm_campaign,
    currency,
    sum(amount) as amount
from raw_spend
where day >= $spent_from
group by day, channel, utm_source, utm_campaign, currency
order by day, channel, utm_source, utm_campaign, currency

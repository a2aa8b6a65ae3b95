-- Grain: one row per lead with a delivery in the history, with all facts about its deliveries. Key: lead_id.
-- Reads: lead_deliveries, latest_responses, lead_content_types.
select
    facts.lead_id,
    facts.deliveries_total,
    facts.deliveries_7d,
    facts.deliveries_30d,
    facts.opens_total,
    facts.opens_7d,
    facts.completions_total,
    facts.completions_7d,
    facts.consumed_30d,
    facts.response_us,
    facts.responses,
    latest.latest_response_us,
    types.content_types
from lead_deliveries as facts
left join latest_responses as latest on facts.lead_id = latest.lead_id
left join lead_content_types as types on facts.lead_id = types.lead_id

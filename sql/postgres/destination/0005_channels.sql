-- Channels: the class, detail and rule of a lead's channel, and the tables that compare channels, with views of the newest day.
-- Days that were published before have no class until they are run again. The view of the leads is replaced, not dropped, so that
-- it keeps its grants; new columns come last.

alter table acquisition.lead_activity
add column channel_class text,
add column channel_detail text,
add column channel_rule text;

create or replace view acquisition.current_lead_activity as
select
    lead_activity.date,
    lead_activity.lead_id,
    lead_activity.email,
    lead_activity.source,
    lead_activity.platform,
    lead_activity.interest_area,
    lead_activity.status,
    lead_activity.base_score,
    lead_activity.created_at,
    lead_activity.is_unsubscribed,
    lead_activity.age_days,
    lead_activity.deliveries_total,
    lead_activity.deliveries_7d,
    lead_activity.deliveries_30d,
    lead_activity.opens_total,
    lead_activity.opens_7d,
    lead_activity.completions_total,
    lead_activity.completions_7d,
    lead_activity.consumed_30d,
    lead_activity.completion_rate,
    lead_activity.avg_response_hours,
    lead_activity.latest_response_hours,
    lead_activity.business_hours_share,
    lead_activity.weekday_share,
    lead_activity.last_sent_at,
    lead_activity.last_engaged_at,
    lead_activity.days_since_engagement,
    lead_activity.days_inactive,
    lead_activity.consumed_content_types,
    lead_activity.referrals_generated,
    lead_activity.referrals_validated,
    lead_activity.channel,
    lead_activity.status_is_dated,
    lead_activity.is_bounced,
    lead_activity.has_complained,
    lead_activity.may_be_mailed,
    lead_activity.channel_class,
    lead_activity.channel_detail,
    lead_activity.channel_rule
from acquisition.lead_activity
where
    lead_activity.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'lead_activity'
    );
comment on view acquisition.current_lead_activity is
'The rows of lead_activity of the newest published day.';

create table acquisition.channel_performance (
    date date not null,
    level text not null,
    channel text not null,
    metric text not null,
    period text not null,
    period_start date not null,
    period_end date not null,
    leads bigint not null,
    successes bigint not null,
    rate double precision not null,
    rate_low double precision not null,
    rate_high double precision not null,
    shrunk_rate double precision,
    probability_best double precision,
    p_value double precision,
    verdict text,
    leads_needed bigint,
    primary key (date, level, channel, metric, period, period_start)
);

create view acquisition.current_channel_performance as
select
    channel_performance.date,
    channel_performance.level,
    channel_performance.channel,
    channel_performance.metric,
    channel_performance.period,
    channel_performance.period_start,
    channel_performance.period_end,
    channel_performance.leads,
    channel_performance.successes,
    channel_performance.rate,
    channel_performance.rate_low,
    channel_performance.rate_high,
    channel_performance.shrunk_rate,
    channel_performance.probability_best,
    channel_performance.p_value,
    channel_performance.verdict,
    channel_performance.leads_needed
from acquisition.channel_performance
where
    channel_performance.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'channel_performance'
    );
comment on view acquisition.current_channel_performance is
'The rows of channel_performance of the newest published day.';

create table acquisition.channel_costs (
    date date not null,
    channel text not null,
    measure text not null,
    spend double precision not null,
    leads bigint not null,
    successes bigint not null,
    cost double precision,
    cost_low double precision,
    cost_high double precision,
    currency text not null,
    primary key (date, channel, measure)
);

create view acquisition.current_channel_costs as
select
    channel_costs.date,
    channel_costs.channel,
    channel_costs.measure,
    channel_costs.spend,
    channel_costs.leads,
    channel_costs.successes,
    channel_costs.cost,
    channel_costs.cost_low,
    channel_costs.cost_high,
    channel_costs.currency
from acquisition.channel_costs
where
    channel_costs.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'channel_costs'
    );
comment on view acquisition.current_channel_costs is
'The rows of channel_costs of the newest published day.';

create table acquisition.budget_advice (
    date date not null,
    from_channel text not null,
    to_channel text not null,
    share double precision not null,
    amount double precision not null,
    gained double precision,
    gained_low double precision,
    gained_high double precision,
    advice text not null,
    primary key (date, from_channel, to_channel)
);

create view acquisition.current_budget_advice as
select
    budget_advice.date,
    budget_advice.from_channel,
    budget_advice.to_channel,
    budget_advice.share,
    budget_advice.amount,
    budget_advice.gained,
    budget_advice.gained_low,
    budget_advice.gained_high,
    budget_advice.advice
from acquisition.budget_advice
where
    budget_advice.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'budget_advice'
    );
comment on view acquisition.current_budget_advice is
'The rows of budget_advice of the newest published day.';

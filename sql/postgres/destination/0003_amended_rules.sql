-- The columns that the amended rules bring. Days that were published before do not know them: they are null there until the
-- day is run again. The view of the leads is replaced, not dropped, so that it keeps its grants; new columns come last.

alter table acquisition.lead_activity
add column channel text,
add column status_is_dated boolean,
add column is_bounced boolean,
add column has_complained boolean,
add column may_be_mailed boolean;

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
    lead_activity.may_be_mailed
from acquisition.lead_activity
where
    lead_activity.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'lead_activity'
    );
comment on view acquisition.current_lead_activity is
'The rows of lead_activity of the newest published day.';

drop view acquisition.current_daily_metrics;
alter table acquisition.daily_metrics
drop column opened_same_day,
add column opened_24h bigint;

create view acquisition.current_daily_metrics as
select
    daily_metrics.date,
    daily_metrics.day,
    daily_metrics.new_leads,
    daily_metrics.deliveries_sent,
    daily_metrics.opened_24h,
    daily_metrics.completions,
    daily_metrics.referrals_created,
    daily_metrics.referrals_fraud,
    daily_metrics.leads_engaged,
    daily_metrics.leads_converted
from acquisition.daily_metrics
where
    daily_metrics.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'daily_metrics'
    );
comment on view acquisition.current_daily_metrics is
'The rows of daily_metrics of the newest published day.';

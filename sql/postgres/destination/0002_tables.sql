-- The published tables: the columns of the contracts with the business day before them, and the newest day of each as a
-- view. The comments come from the contracts, whenever a migration has run.

create table acquisition.lead_activity (
    date date not null,
    lead_id text not null,
    email text,
    source text not null,
    platform text,
    interest_area text,
    status text not null,
    base_score double precision not null,
    created_at timestamptz not null,
    is_unsubscribed boolean not null,
    age_days bigint not null,
    deliveries_total bigint not null,
    deliveries_7d bigint not null,
    deliveries_30d bigint not null,
    opens_total bigint not null,
    opens_7d bigint not null,
    completions_total bigint not null,
    completions_7d bigint not null,
    consumed_30d bigint not null,
    completion_rate double precision,
    avg_response_hours double precision,
    latest_response_hours double precision,
    business_hours_share double precision,
    weekday_share double precision,
    last_sent_at timestamptz,
    last_engaged_at timestamptz,
    days_since_engagement bigint,
    days_inactive bigint not null,
    consumed_content_types text[] not null,
    referrals_generated bigint not null,
    referrals_validated bigint not null,
    primary key (date, lead_id)
);
create index lead_activity_lead on acquisition.lead_activity (lead_id, date);

create view acquisition.current_lead_activity as
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
    lead_activity.referrals_validated
from acquisition.lead_activity
where
    lead_activity.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'lead_activity'
    );
comment on view acquisition.current_lead_activity is
'The rows of lead_activity of the newest published day.';

create table acquisition.daily_metrics (
    date date not null,
    day date not null,
    new_leads bigint not null,
    deliveries_sent bigint not null,
    opened_same_day bigint not null,
    completions bigint not null,
    referrals_created bigint not null,
    referrals_fraud bigint not null,
    leads_engaged bigint not null,
    leads_converted bigint not null,
    primary key (date, day)
);

create view acquisition.current_daily_metrics as
select
    daily_metrics.date,
    daily_metrics.day,
    daily_metrics.new_leads,
    daily_metrics.deliveries_sent,
    daily_metrics.opened_same_day,
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

create table acquisition.dynamic_scores (
    date date not null,
    lead_id text not null,
    base_score double precision not null,
    recent_activity_points double precision not null,
    response_points double precision not null,
    referral_points double precision not null,
    consistency_points double precision not null,
    decay_points double precision not null,
    status_points double precision not null,
    clamp_adjustment double precision not null,
    computed_score double precision not null,
    previous_score double precision not null,
    is_analysed boolean not null,
    is_updated boolean not null,
    score double precision not null,
    primary key (date, lead_id)
);
create index dynamic_scores_lead on acquisition.dynamic_scores (lead_id, date);
create index dynamic_scores_score on acquisition.dynamic_scores (date, score desc);

create view acquisition.current_dynamic_scores as
select
    dynamic_scores.date,
    dynamic_scores.lead_id,
    dynamic_scores.base_score,
    dynamic_scores.recent_activity_points,
    dynamic_scores.response_points,
    dynamic_scores.referral_points,
    dynamic_scores.consistency_points,
    dynamic_scores.decay_points,
    dynamic_scores.status_points,
    dynamic_scores.clamp_adjustment,
    dynamic_scores.computed_score,
    dynamic_scores.previous_score,
    dynamic_scores.is_analysed,
    dynamic_scores.is_updated,
    dynamic_scores.score
from acquisition.dynamic_scores
where
    dynamic_scores.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'dynamic_scores'
    );
comment on view acquisition.current_dynamic_scores is
'The rows of dynamic_scores of the newest published day.';

create table acquisition.behavior_predictions (
    date date not null,
    lead_id text not null,
    status text not null,
    engagement_score double precision not null,
    completion_rate double precision,
    avg_response_hours double precision,
    business_hours_share double precision,
    engagement_points double precision not null,
    completion_points double precision not null,
    response_points double precision not null,
    business_hours_points double precision not null,
    weekday_points double precision not null,
    recency_points double precision not null,
    conversion_probability double precision not null,
    predicted_next_action text not null,
    primary key (date, lead_id)
);
create index behavior_predictions_lead on acquisition.behavior_predictions (lead_id, date);
create index behavior_predictions_conversion_probability
on acquisition.behavior_predictions (date, conversion_probability desc);

create view acquisition.current_behavior_predictions as
select
    behavior_predictions.date,
    behavior_predictions.lead_id,
    behavior_predictions.status,
    behavior_predictions.engagement_score,
    behavior_predictions.completion_rate,
    behavior_predictions.avg_response_hours,
    behavior_predictions.business_hours_share,
    behavior_predictions.engagement_points,
    behavior_predictions.completion_points,
    behavior_predictions.response_points,
    behavior_predictions.business_hours_points,
    behavior_predictions.weekday_points,
    behavior_predictions.recency_points,
    behavior_predictions.conversion_probability,
    behavior_predictions.predicted_next_action
from acquisition.behavior_predictions
where
    behavior_predictions.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'behavior_predictions'
    );
comment on view acquisition.current_behavior_predictions is
'The rows of behavior_predictions of the newest published day.';

create table acquisition.content_recommendations (
    date date not null,
    lead_id text not null,
    rank bigint not null,
    rule text not null,
    content_type text not null,
    title text not null,
    reason text not null,
    content_id text not null,
    primary key (date, lead_id, rank)
);
create index content_recommendations_lead on acquisition.content_recommendations (lead_id, date);

create view acquisition.current_content_recommendations as
select
    content_recommendations.date,
    content_recommendations.lead_id,
    content_recommendations.rank,
    content_recommendations.rule,
    content_recommendations.content_type,
    content_recommendations.title,
    content_recommendations.reason,
    content_recommendations.content_id
from acquisition.content_recommendations
where
    content_recommendations.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'content_recommendations'
    );
comment on view acquisition.current_content_recommendations is
'The rows of content_recommendations of the newest published day.';

create table acquisition.lead_segments (
    date date not null,
    segment text not null,
    lead_id text not null,
    primary key (date, segment, lead_id)
);
create index lead_segments_lead on acquisition.lead_segments (lead_id, date);

create view acquisition.current_lead_segments as
select
    lead_segments.date,
    lead_segments.segment,
    lead_segments.lead_id
from acquisition.lead_segments
where
    lead_segments.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'lead_segments'
    );
comment on view acquisition.current_lead_segments is
'The rows of lead_segments of the newest published day.';

create table acquisition.segment_changes (
    date date not null,
    segment text not null,
    lead_id text not null,
    change text not null,
    primary key (date, segment, lead_id)
);
create index segment_changes_lead on acquisition.segment_changes (lead_id, date);

create view acquisition.current_segment_changes as
select
    segment_changes.date,
    segment_changes.segment,
    segment_changes.lead_id,
    segment_changes.change
from acquisition.segment_changes
where
    segment_changes.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'segment_changes'
    );
comment on view acquisition.current_segment_changes is
'The rows of segment_changes of the newest published day.';

create table acquisition.anomalies (
    date date not null,
    type text not null,
    severity text not null,
    message text not null,
    recommendation text not null,
    observed double precision not null,
    baseline double precision,
    seasonal_baseline double precision,
    change double precision,
    p_value double precision,
    affected_leads bigint,
    window_start date not null,
    window_end date not null,
    primary key (date, type)
);

create view acquisition.current_anomalies as
select
    anomalies.date,
    anomalies.type,
    anomalies.severity,
    anomalies.message,
    anomalies.recommendation,
    anomalies.observed,
    anomalies.baseline,
    anomalies.seasonal_baseline,
    anomalies.change,
    anomalies.p_value,
    anomalies.affected_leads,
    anomalies.window_start,
    anomalies.window_end
from acquisition.anomalies
where
    anomalies.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'anomalies'
    );
comment on view acquisition.current_anomalies is
'The rows of anomalies of the newest published day.';

create table acquisition.social_performance (
    date date not null,
    channel text not null,
    is_social boolean not null,
    total_leads bigint not null,
    engaged_leads bigint not null,
    engagement_rate double precision not null,
    engagement_rate_low double precision not null,
    engagement_rate_high double precision not null,
    avg_engagement_score double precision not null,
    referrals_generated bigint not null,
    referral_rate double precision not null,
    primary key (date, channel)
);

create view acquisition.current_social_performance as
select
    social_performance.date,
    social_performance.channel,
    social_performance.is_social,
    social_performance.total_leads,
    social_performance.engaged_leads,
    social_performance.engagement_rate,
    social_performance.engagement_rate_low,
    social_performance.engagement_rate_high,
    social_performance.avg_engagement_score,
    social_performance.referrals_generated,
    social_performance.referral_rate
from acquisition.social_performance
where
    social_performance.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'social_performance'
    );
comment on view acquisition.current_social_performance is
'The rows of social_performance of the newest published day.';

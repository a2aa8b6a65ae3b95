-- The watch: what each metric was, what was expected of it, and incidents, with views of the newest day.
-- A metric of all channels has no channel; an index keeps the keys unique, as a primary key cannot hold nulls.

create table acquisition.metric_history (
    date date not null,
    day date not null,
    metric text not null,
    channel text,
    value bigint,
    trials bigint
);
create unique index metric_history_key on acquisition.metric_history (date, day, metric, coalesce(channel, ''));

create view acquisition.current_metric_history as
select
    metric_history.date,
    metric_history.day,
    metric_history.metric,
    metric_history.channel,
    metric_history.value,
    metric_history.trials
from acquisition.metric_history
where
    metric_history.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'metric_history'
    );
comment on view acquisition.current_metric_history is
'The rows of metric_history of the newest published day.';

create table acquisition.metric_watch (
    date date not null,
    day date not null,
    metric text not null,
    channel text,
    observed double precision,
    expected double precision,
    low double precision,
    high double precision,
    change double precision,
    k bigint,
    p_value double precision,
    q_value double precision,
    state text not null,
    day_observed double precision,
    day_expected double precision,
    day_low double precision,
    day_high double precision
);
create unique index metric_watch_key on acquisition.metric_watch (date, day, metric, coalesce(channel, ''));

create view acquisition.current_metric_watch as
select
    metric_watch.date,
    metric_watch.day,
    metric_watch.metric,
    metric_watch.channel,
    metric_watch.observed,
    metric_watch.expected,
    metric_watch.low,
    metric_watch.high,
    metric_watch.change,
    metric_watch.k,
    metric_watch.p_value,
    metric_watch.q_value,
    metric_watch.state,
    metric_watch.day_observed,
    metric_watch.day_expected,
    metric_watch.day_low,
    metric_watch.day_high
from acquisition.metric_watch
where
    metric_watch.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'metric_watch'
    );
comment on view acquisition.current_metric_watch is
'The rows of metric_watch of the newest published day.';

create table acquisition.incidents (
    date date not null,
    id text not null,
    metric text not null,
    channel text,
    direction text not null,
    kind text not null,
    severity text not null,
    opened_on date not null,
    last_seen_on date not null,
    resolved_on date,
    days bigint not null,
    quiet_days bigint not null,
    worst_change double precision,
    observed double precision,
    expected double precision,
    affected_leads bigint,
    status text not null,
    parent text,
    acknowledged_until date,
    alerted_on date,
    alerted_change double precision,
    alerted_severity text,
    title text not null,
    message text not null,
    recommendation text not null,
    primary key (date, id)
);

create view acquisition.current_incidents as
select
    incidents.date,
    incidents.id,
    incidents.metric,
    incidents.channel,
    incidents.direction,
    incidents.kind,
    incidents.severity,
    incidents.opened_on,
    incidents.last_seen_on,
    incidents.resolved_on,
    incidents.days,
    incidents.quiet_days,
    incidents.worst_change,
    incidents.observed,
    incidents.expected,
    incidents.affected_leads,
    incidents.status,
    incidents.parent,
    incidents.acknowledged_until,
    incidents.alerted_on,
    incidents.alerted_change,
    incidents.alerted_severity,
    incidents.title,
    incidents.message,
    incidents.recommendation
from acquisition.incidents
where
    incidents.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'incidents'
    );
comment on view acquisition.current_incidents is
'The rows of incidents of the newest published day.';

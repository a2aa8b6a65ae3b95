-- The forecasts of conversions, their quality and the evidence for the rules, with the newest day of each as a view.

create table acquisition.conversion_forecasts (
    date date not null,
    lead_id text not null,
    forecast_probability double precision,
    forecast_low double precision,
    forecast_high double precision,
    method text not null,
    rank bigint not null,
    lift double precision,
    priority text,
    top_factors text[] not null,
    primary key (date, lead_id)
);
create index conversion_forecasts_lead on acquisition.conversion_forecasts (lead_id, date);
create index conversion_forecasts_rank on acquisition.conversion_forecasts (date, rank);

create view acquisition.current_conversion_forecasts as
select
    conversion_forecasts.date,
    conversion_forecasts.lead_id,
    conversion_forecasts.forecast_probability,
    conversion_forecasts.forecast_low,
    conversion_forecasts.forecast_high,
    conversion_forecasts.method,
    conversion_forecasts.rank,
    conversion_forecasts.lift,
    conversion_forecasts.priority,
    conversion_forecasts.top_factors
from acquisition.conversion_forecasts
where
    conversion_forecasts.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'conversion_forecasts'
    );
comment on view acquisition.current_conversion_forecasts is
'The rows of conversion_forecasts of the newest published day.';

create table acquisition.forecast_quality (
    date date not null,
    candidate text not null,
    rows bigint not null,
    conversions bigint not null,
    training_rows bigint not null,
    training_conversions bigint not null,
    auc double precision,
    auc_low double precision,
    auc_high double precision,
    brier double precision,
    brier_low double precision,
    brier_high double precision,
    skill double precision,
    skill_low double precision,
    skill_high double precision,
    ece double precision,
    ece_low double precision,
    ece_high double precision,
    lift double precision,
    lift_low double precision,
    lift_high double precision,
    gate_passed boolean not null,
    gate_reason text not null,
    gate_gain_low double precision,
    is_published boolean not null,
    is_approximate boolean not null,
    refused_features text[] not null,
    intercept double precision,
    fingerprint text,
    primary key (date, candidate)
);

create view acquisition.current_forecast_quality as
select
    forecast_quality.date,
    forecast_quality.candidate,
    forecast_quality.rows,
    forecast_quality.conversions,
    forecast_quality.training_rows,
    forecast_quality.training_conversions,
    forecast_quality.auc,
    forecast_quality.auc_low,
    forecast_quality.auc_high,
    forecast_quality.brier,
    forecast_quality.brier_low,
    forecast_quality.brier_high,
    forecast_quality.skill,
    forecast_quality.skill_low,
    forecast_quality.skill_high,
    forecast_quality.ece,
    forecast_quality.ece_low,
    forecast_quality.ece_high,
    forecast_quality.lift,
    forecast_quality.lift_low,
    forecast_quality.lift_high,
    forecast_quality.gate_passed,
    forecast_quality.gate_reason,
    forecast_quality.gate_gain_low,
    forecast_quality.is_published,
    forecast_quality.is_approximate,
    forecast_quality.refused_features,
    forecast_quality.intercept,
    forecast_quality.fingerprint
from acquisition.forecast_quality
where
    forecast_quality.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'forecast_quality'
    );
comment on view acquisition.current_forecast_quality is
'The rows of forecast_quality of the newest published day.';

create table acquisition.rule_evidence (
    date date not null,
    rule_kind text not null,
    rule text not null,
    leads bigint not null,
    conversions bigint not null,
    rate double precision,
    rate_low double precision,
    rate_high double precision,
    other_rate double precision,
    lift double precision,
    verdict text not null,
    primary key (date, rule_kind, rule)
);

create view acquisition.current_rule_evidence as
select
    rule_evidence.date,
    rule_evidence.rule_kind,
    rule_evidence.rule,
    rule_evidence.leads,
    rule_evidence.conversions,
    rule_evidence.rate,
    rule_evidence.rate_low,
    rule_evidence.rate_high,
    rule_evidence.other_rate,
    rule_evidence.lift,
    rule_evidence.verdict
from acquisition.rule_evidence
where
    rule_evidence.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'rule_evidence'
    );
comment on view acquisition.current_rule_evidence is
'The rows of rule_evidence of the newest published day.';

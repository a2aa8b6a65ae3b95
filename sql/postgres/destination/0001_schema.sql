-- The schema for delivered tables, the list of delivered days, and the reports.

do $$
begin
    -- Asked first, as the right to create schemas is needed even for one that is there.
    if to_regnamespace('acquisition') is null then
        create schema acquisition;
    end if;
end
$$;

create table acquisition.schema_migrations (
    version integer primary key,
    name text not null,
    applied_at timestamptz not null default now()
);
comment on table acquisition.schema_migrations is 'One row per migration of this schema that has run.';
comment on column acquisition.schema_migrations.version is 'Number of the migration''s file';
comment on column acquisition.schema_migrations.name is 'Name of the migration''s file';
comment on column acquisition.schema_migrations.applied_at is 'When it ran';

create table acquisition.published_days (
    table_name text not null,
    date date not null,
    row_count bigint not null check (row_count >= 0),
    published_at timestamptz not null default now(),
    primary key (table_name, date)
);
comment on table acquisition.published_days is
'One row per table and published day; a day without rows is published too.';
comment on column acquisition.published_days.table_name is 'Table of this schema';
comment on column acquisition.published_days.date is 'Business day';
comment on column acquisition.published_days.row_count is 'Rows of the day in that table';
comment on column acquisition.published_days.published_at is 'When the day was published last';

create table acquisition.reports (
    date date not null,
    task text not null,
    report jsonb not null,
    primary key (date, task)
);
comment on table acquisition.reports is 'One row per business day and task: the metrics that the task returns.';
comment on column acquisition.reports.date is 'Business day';
comment on column acquisition.reports.task is 'Name of the task, such as dynamic_scoring_system';
comment on column acquisition.reports.report is 'The report, as it is in reports/date=D/<task>.json';

create view acquisition.current_reports as
select
    reports.date,
    reports.task,
    reports.report
from acquisition.reports
where
    reports.date = (
        select max(published_days.date)
        from acquisition.published_days
        where published_days.table_name = 'reports'
    );
comment on view acquisition.current_reports is 'The reports of the newest published day.';

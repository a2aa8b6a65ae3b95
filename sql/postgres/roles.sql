-- Three roles with no more rights than they need. Run it with psql as the owner of the database, in that database:
--
--   psql -f sql/postgres/roles.sql
--
-- Run it before the first publication. It may be run again, and should be when tables are added to the source. It creates
-- groups without login. Give them to the users that log in, whose passwords are your own business:
--
--   create role acquisition_etl login password '...';
--   grant acquisition_source, acquisition_writer to acquisition_etl;

do $$
begin
    if not exists (select from pg_roles where rolname = 'acquisition_source') then
        create role acquisition_source nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'acquisition_writer') then
        create role acquisition_writer nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'acquisition_reader') then
        create role acquisition_reader nologin;
    end if;
    execute format('grant acquisition_writer to %I', current_user);
    -- The schema belongs to the role that publishes: it migrates it, and it can write nowhere else.
    if to_regnamespace('acquisition') is null then
        create schema acquisition authorization acquisition_writer;
    end if;
    execute format('grant connect on database %I to acquisition_source, acquisition_reader', current_database());
    -- Rows are staged in temporary tables.
    execute format('grant connect, temporary on database %I to acquisition_writer', current_database());
end
$$;

-- Reads the source: the tables that the queries of sql/postgres/source name, and nothing else. A schema of your own
-- needs grants of its own.
do $$
declare
    name text;
begin
    foreach name in array array['organic_leads', 'content_engagement', 'referrals'] loop
        if to_regclass(name) is not null then
            execute format('grant select on %s to acquisition_source', to_regclass(name));
        end if;
    end loop;
end
$$;

-- Reads what is published: for BI tools and other systems. The tables lead_activity and reports hold e-mail addresses;
-- revoke select on them from whom these do not concern.
grant usage on schema acquisition to acquisition_reader;
grant select on all tables in schema acquisition to acquisition_reader;
alter default privileges for role acquisition_writer in schema acquisition
grant select on tables to acquisition_reader;

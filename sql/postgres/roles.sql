-- Three roles with no more rights than they need. Run it with psql as the owner of the database, in that database:
--
--   psql -f sql/postgres/roles.sql
--
-- Run it before the first delivery, and again when tables are added to the source. It creates groups without login. Grant
-- them to the users that log in; their passwords are up to you:
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
    -- The schema belongs to the role that delivers; that role migrates it, and can write nowhere else.
    if to_regnamespace('acquisition') is null then
        create schema acquisition authorization acquisition_writer;
    end if;
    execute format('grant connect on database %I to acquisition_source, acquisition_reader', current_database());
    -- Rows are staged in temporary tables.
    execute format('grant connect, temporary on database %I to acquisition_writer', current_database());
end
$$;

-- Reads the source: only the tables that the queries of sql/postgres/source name. Add grants for a schema of your own.
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

-- Reads the delivered tables, for BI tools and other systems. The tables lead_activity and reports hold e-mail addresses;
-- revoke select on them for readers who must not see these.
grant usage on schema acquisition to acquisition_reader;
grant select on all tables in schema acquisition to acquisition_reader;
alter default privileges for role acquisition_writer in schema acquisition
grant select on tables to acquisition_reader;

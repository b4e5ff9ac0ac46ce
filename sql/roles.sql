-- SPDX-License-Identifier: MIT
-- Roles and their rights. Every setup runs this file, so it must be idempotent.
-- The command itself sets the passwords and the connection limit (the budget).
-- Rights outside the schema sluice are never revoked: the database may be shared.
do $$
begin
    if not exists (select from pg_roles where rolname = 'sluice_worker') then
        create role sluice_worker login;
    end if;
    if not exists (select from pg_roles where rolname = 'sluice_reader') then
        create role sluice_reader login;
    end if;
    -- Postgres doesn't apply connection limits to superusers.
    if exists (select from pg_roles where rolname = 'sluice_worker' and rolsuper) then
        raise exception 'role sluice_worker is a superuser, and Postgres applies no connection limit to superusers: alter role sluice_worker nosuperuser';
    end if;
    execute format('grant connect on database %I to sluice_worker, sluice_reader', current_database());
end
$$;

revoke all on schema sluice from public, sluice_worker, sluice_reader;
grant usage on schema sluice to sluice_worker, sluice_reader;

revoke all on webhooks_raw, webhooks_dead, webhooks, sluice_migrations from public, sluice_worker, sluice_reader;
grant select, insert, update on webhooks_raw to sluice_worker;
grant insert on webhooks_dead to sluice_worker;
grant select on webhooks, webhooks_raw, webhooks_dead to sluice_reader;

-- The worker acks after its commit, which must therefore be durable.
alter role sluice_worker set synchronous_commit = on;
-- Users' triggers may name objects in public.
alter role sluice_worker set search_path = sluice, public;
-- A batch takes milliseconds; one that exceeds these limits is cancelled and sent again.
alter role sluice_worker set statement_timeout = '30s';
alter role sluice_worker set lock_timeout = '10s';
alter role sluice_worker set idle_in_transaction_session_timeout = '30s';
-- The connection of a dead worker is free again within half a second if its host
-- still answers, otherwise within 20 s.
alter role sluice_worker set client_connection_check_interval = '500ms';
alter role sluice_worker set tcp_keepalives_idle = '10s';
alter role sluice_worker set tcp_keepalives_interval = '5s';
alter role sluice_worker set tcp_keepalives_count = 2;
alter role sluice_worker set tcp_user_timeout = '20s';

alter role sluice_reader set search_path = sluice, public;

-- A role's setting for this database alone would win over the same one above.
do $$
declare
    own record;
begin
    for own in
        select r.rolname, split_part(setting, '=', 1) as name
        from pg_db_role_setting s join pg_roles r on r.oid = s.setrole, unnest(s.setconfig) setting
        where s.setdatabase = (select oid from pg_database where datname = current_database())
          and r.rolname in ('sluice_worker', 'sluice_reader')
          and exists (select from unnest(r.rolconfig) everywhere
                      where split_part(everywhere, '=', 1) = split_part(setting, '=', 1))
    loop
        execute format('alter role %I in database %I reset %I', own.rolname, current_database(), own.name);
    end loop;
end
$$;

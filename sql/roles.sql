-- SPDX-License-Identifier: MIT
-- Roles and their rights; applied by every setup, so it may only say what is
-- the same when said twice. Passwords and the connection limit (the budget)
-- are set by the command itself. Nothing is taken from others: the database
-- may be shared, only the schema sluice is ours.
do $$
begin
    if not exists (select from pg_roles where rolname = 'sluice_worker') then
        create role sluice_worker login;
    end if;
    if not exists (select from pg_roles where rolname = 'sluice_reader') then
        create role sluice_reader login;
    end if;
    -- Postgres doesn't hold superusers to a connection limit.
    if exists (select from pg_roles where rolname = 'sluice_worker' and rolsuper) then
        raise exception 'role sluice_worker is a superuser, whom no connection budget binds: alter role sluice_worker nosuperuser';
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

-- A 2xx rests on what the worker commits.
alter role sluice_worker set synchronous_commit = on;
-- public is where triggers of one's own look for what they name.
alter role sluice_worker set search_path = sluice, public;
-- A batch takes milliseconds; one that waits this long is given up and sent again.
alter role sluice_worker set statement_timeout = '30s';
alter role sluice_worker set lock_timeout = '10s';
alter role sluice_worker set idle_in_transaction_session_timeout = '30s';
-- A dead worker's place in the budget is free again within half a second when its
-- host still answers, and within 20 s when it doesn't.
alter role sluice_worker set client_connection_check_interval = '500ms';
alter role sluice_worker set tcp_keepalives_idle = '10s';
alter role sluice_worker set tcp_keepalives_interval = '5s';
alter role sluice_worker set tcp_keepalives_count = 2;
alter role sluice_worker set tcp_user_timeout = '20s';

alter role sluice_reader set search_path = sluice, public;

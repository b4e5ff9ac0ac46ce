-- SPDX-License-Identifier: MIT
-- The schema sluice, and the table of applied migrations. Every setup runs this file before the migrations, so it
-- must be idempotent.
do $$
begin
    if to_regnamespace('sluice') is null then
        create schema sluice;
        comment on schema sluice is 'Sluice: stored webhooks and dead letters.';
    end if;
    if to_regclass('sluice.sluice_migrations') is not null then
        return;
    end if;
    if to_regclass('public.sluice_migrations') is null then
        create table sluice.sluice_migrations (
            name text primary key,
            sha256 text not null,
            applied_at timestamptz not null default now()
        );
    else
        -- The database was set up before Sluice had its own schema. The view makes an older `sluice setup` fail
        -- safely: it finds migrations there that it doesn't know.
        alter table public.sluice_migrations set schema sluice;
        create view public.sluice_migrations as select name, sha256, applied_at from sluice.sluice_migrations;
    end if;
end
$$;

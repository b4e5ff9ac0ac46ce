-- SPDX-License-Identifier: MIT
-- Sluice's own schema, and the table of the migrations that have been applied. Every setup says this before the
-- migrations, so it may only say what is the same when said twice.
do $$
begin
    if to_regnamespace('sluice') is null then
        create schema sluice;
        comment on schema sluice is 'Everything of Sluice''s: stored webhooks and dead letters.';
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
        -- Set up before Sluice had a schema of its own. The view stays for a setup of that time: it finds
        -- migrations there that it doesn't know, and refuses.
        alter table public.sluice_migrations set schema sluice;
        create view public.sluice_migrations as select name, sha256, applied_at from sluice.sluice_migrations;
    end if;
end
$$;

-- SPDX-License-Identifier: MIT
-- Webhooks into tables of your own, in the transaction that stores them: GitHub's push events become rows of
-- github_pushes, each of a repository that must be known. Apply it as the role that owns the database:
--     psql -U sluice -d sluice -f sql/examples/github_pushes.sql
-- Sluice's own objects are in the schema sluice; these go into public, or wherever you keep yours.
-- tests/integration/test_examples.py shows what is said here.
begin;
set local search_path = public;

-- The parent. Its rows come from GitHub's own `repository` events; yours may come from anywhere.
create table github_repositories (
    full_name text primary key,
    created_at timestamptz not null default now()
);

-- One row per push. The key is the event's, so that the same event, delivered or replayed twice, is one row
-- here too. No foreign key to webhooks_raw: `sluice prune` may delete what these rows were made of.
create table github_pushes (
    source text not null,
    id text not null,
    repository text not null references github_repositories,
    ref text not null,
    head text not null,
    commits integer not null,
    pusher text,
    received_at timestamptz not null,
    primary key (id, source)
);
create index github_pushes_repository on github_pushes (repository, received_at);

-- SECURITY DEFINER: the worker's role needs no rights on your tables, and gets none. The search_path is then
-- fixed, so that nobody puts a table of his own in the way.
create function github_event() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    kind text := new.headers->>'x-github-event';
    payload jsonb := sluice.webhook_json(new.body);
begin
    if kind = 'repository' and payload->>'action' = 'created' then
        insert into github_repositories (full_name) values (payload->'repository'->>'full_name')
        on conflict do nothing;
    end if;

    if kind = 'push' then
        -- A push of an unknown repository: 23503, which the worker takes for `later`: the event goes through
        -- the retry tiers (10 s, 60 s, 10 min by DELAYS), and only when the parent isn't there by
        -- then, into webhooks_dead. One without a ref is no push at all: 23502, a dead letter at once.
        insert into github_pushes as p (source, id, repository, ref, head, commits, pusher, received_at)
        values (new.source, new.id, payload->'repository'->>'full_name', payload->>'ref', payload->>'after',
                coalesce(jsonb_array_length(payload->'commits'), 0), payload->'pusher'->>'name', new.received_at)
        on conflict (id, source) do update
        set repository = excluded.repository, ref = excluded.ref, head = excluded.head, commits = excluded.commits,
            pusher = excluded.pusher, received_at = excluded.received_at;
    elsif tg_op = 'UPDATE' then
        delete from github_pushes where id = new.id and source = new.source;  -- the newer body is no push
    end if;
    return null;
end
$$;
revoke execute on function github_event() from public;

-- After insert and after update: a newer arrival of the same id replaces the row, and must replace what was made of
-- it. The condition spares all other sources the call.
create trigger github_event after insert or update on sluice.webhooks_raw
    for each row when (new.source = 'github') execute function github_event();

commit;

-- What is stored already goes through the trigger by
--     update sluice.webhooks_raw set source = source where source = 'github';
-- a part of the table at a time when it is large, repositories first.

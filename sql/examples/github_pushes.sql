-- SPDX-License-Identifier: MIT
-- Copies webhooks into tables of your own, in the transaction that stores them: GitHub's push events become rows
-- of github_pushes, which must refer to a known repository. Run it as the role that owns the database:
--     psql -U sluice -d sluice -f sql/examples/github_pushes.sql
-- Sluice's objects are in the schema sluice; these go into public, or wherever you keep yours.
-- tests/integration/test_examples.py tests what these comments say.
begin;
set local search_path = public;

-- The parent table. Its rows come from GitHub's `repository` events; yours may come from anywhere.
create table github_repositories (
    full_name text primary key,
    created_at timestamptz not null default now()
);

-- One row per push. It has the event's key, so that an event that is delivered or replayed twice makes only one
-- row here, too. There is no foreign key to webhooks_raw, because `sluice prune` may delete the stored event.
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

-- SECURITY DEFINER: the worker's role then needs no rights on your tables. A fixed search_path prevents other
-- users from substituting their own tables.
create function github_event() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    kind text := new.headers->>'x-github-event';
    payload jsonb := sluice.webhook_json(new.body, new.content_type, new.headers);
begin
    if kind = 'repository' and payload->>'action' = 'created' then
        insert into github_repositories (full_name) values (payload->'repository'->>'full_name')
        on conflict do nothing;
    end if;

    if kind = 'push' then
        -- A push to an unknown repository fails with 23503 (foreign key). The worker's verdict is `later`: the
        -- event goes through the retry tiers (DELAYS: 10 s, 60 s, 10 min), and becomes a dead letter only if
        -- the parent is still missing then. A push without a ref fails with 23502 (not null) and becomes a
        -- dead letter at once.
        insert into github_pushes as p (source, id, repository, ref, head, commits, pusher, received_at)
        values (new.source, new.id, payload->'repository'->>'full_name', payload->>'ref', payload->>'after',
                coalesce(jsonb_array_length(payload->'commits'), 0), payload->'pusher'->>'name', new.received_at)
        on conflict (id, source) do update
        set repository = excluded.repository, ref = excluded.ref, head = excluded.head, commits = excluded.commits,
            pusher = excluded.pusher, received_at = excluded.received_at;
    elsif tg_op = 'UPDATE' then
        delete from github_pushes where id = new.id and source = new.source;  -- the newer body is not a push
    end if;
    return null;
end
$$;
revoke execute on function github_event() from public;

-- After insert and update: a newer arrival of the same id replaces the row, so the derived row must be replaced,
-- too. The condition avoids the call for all other sources, and when a body expires (`sluice prune --bodies`): the
-- row here then stays as it is.
create trigger github_event after insert or update on sluice.webhooks_raw
    for each row when (new.source = 'github' and new.body is not null) execute function github_event();

commit;

-- To run the trigger for events that are already stored, and whose bodies have not expired, oldest first and no faster
-- than --rate:
--     sluice replay --source github --since 30d --to workers --cursor github.replay

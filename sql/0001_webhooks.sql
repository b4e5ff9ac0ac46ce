-- SPDX-License-Identifier: MIT
-- One row per (source, id): every event that was stored, as it came.
-- People read the view webhooks; the worker writes this table.
do $$
begin
    if current_setting('server_encoding') <> 'UTF8' then
        raise exception 'database % is encoded in %, but webhooks need UTF8: create it with encoding ''UTF8'' template template0',
            current_database(), current_setting('server_encoding');
    end if;
end
$$;

create table webhooks_raw (
    source text not null,
    id text not null,
    method text not null,
    path text not null,
    query text not null default '',
    headers jsonb not null default '{}',
    content_type text,
    body bytea not null,
    received_at timestamptz not null,        -- of the body that is here
    first_received_at timestamptz not null,  -- the least ever seen for this key
    stored_at timestamptz not null default now(),
    -- id first: people look up by id alone.
    primary key (id, source)
);
create index webhooks_raw_received_at on webhooks_raw (received_at);

comment on table webhooks_raw is 'Stored webhooks with their exact bytes; read them through the view webhooks.';

-- Events that can't be stored, whole, each with its reason.
create table webhooks_dead (
    dead_id bigint generated always as identity primary key,
    source text not null,
    id text not null default '',  -- empty when the envelope could not be read
    keep text,
    method text,
    path text,
    query text,
    headers jsonb,
    content_type text,
    remote text,
    traceparent text,
    body bytea not null,
    properties bytea,             -- the message's own, when the envelope could not be read
    received_at timestamptz,
    attempts integer not null default 0,
    verdict text not null,
    sqlstate text,
    reason text not null,
    worker text,
    dead_at timestamptz not null default now(),
    body_sha256 bytea generated always as (sha256(body)) stored
);
-- An event whose dead letter was committed but not acked comes again: it stands once.
create unique index webhooks_dead_once on webhooks_dead
    (source, id, coalesce(received_at, '-infinity'::timestamptz), body_sha256);
create index webhooks_dead_dead_at on webhooks_dead (dead_at);

comment on table webhooks_dead is 'Webhooks that could not be stored, each with its reason.';

-- lz4 costs a third of the default's time. A server built without it keeps the default.
do $$
begin
    alter table webhooks_raw alter column body set compression lz4;
    alter table webhooks_dead alter column body set compression lz4;
exception when feature_not_supported then
    raise notice 'this server has no lz4: bodies are compressed by pglz';
end
$$;

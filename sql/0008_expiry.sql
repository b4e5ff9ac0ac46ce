-- SPDX-License-Identifier: MIT
-- Bodies expire, keys stay: `sluice prune --bodies` sets body to null and empties the headers. What is left tells
-- redeliveries from news: key, times and order; and what the body was: its size and SHA-256.
-- No row is read. The table is locked for an instant; setup waits for that lock as long as its lock_timeout, and events
-- wait with it. Who wants to choose the moment adds the columns before.
alter table webhooks_raw
    alter column body drop not null,
    add column if not exists body_bytes integer,
    add column if not exists body_sha256 bytea,
    add column if not exists body_expired_at timestamptz,
    -- As "not null" did, this refuses a null that nobody meant. All rows that are there fulfil it.
    add constraint webhooks_raw_body check (body is not null or body_expired_at is not null) not valid;
comment on column webhooks_raw.body is 'The exact bytes; null when they have expired, see body_expired_at.';
comment on column webhooks_raw.body_bytes is 'Size of the body that has expired; null while the body is there.';
comment on column webhooks_raw.body_sha256 is 'SHA-256 of the body that has expired; null while the body is there.';
comment on column webhooks_raw.body_expired_at is 'When `sluice prune --bodies` emptied the row; null while the body is there.';

-- A newer event replaces a row whose body has expired. The worker's merge doesn't name these columns, so that it costs
-- no more than before and workers of earlier releases are right, too.
create function webhook_body_is_back() returns trigger
language plpgsql as $$
begin
    new.body_bytes := null;
    new.body_sha256 := null;
    new.body_expired_at := null;
    return new;
end
$$;
create trigger webhooks_raw_body_is_back before update on webhooks_raw
    for each row when (old.body is null and new.body is not null) execute function webhook_body_is_back();

-- A body that is emptied leaves a dead row of its full size. By default autovacuum comes when a fifth of the table is
-- dead, which is many days of bodies where keys are kept for long. What the owner has set already stays.
do $$
declare
    own constant text[] := coalesce((select reloptions from pg_class where oid = 'webhooks_raw'::regclass), '{}')
        || coalesce((select array(select 'toast.' || option from unnest(t.reloptions) option)
                     from pg_class c join pg_class t on t.oid = c.reltoastrelid where c.oid = 'webhooks_raw'::regclass), '{}');
    wanted text;
begin
    foreach wanted in array array['autovacuum_vacuum_scale_factor', 'toast.autovacuum_vacuum_scale_factor'] loop
        if not exists (select from unnest(own) option where split_part(option, '=', 1) = wanted) then
            execute format('alter table webhooks_raw set (%s = 0.02)', wanted);
        end if;
    end loop;
end
$$;

create or replace function webhook_payload_error(body bytea, content_type text, headers jsonb) returns text
language plpgsql immutable parallel unsafe as $$
declare
    coding text := left(sluice.webhook_coding(headers), 100);
    charset text := left(sluice.webhook_charset(content_type), 100);
    plain text := sluice.webhook_text(body, content_type, headers);
begin
    return case
        when body is null then 'expired'
        when coding is not null then 'content-encoding ' || coding
        when octet_length(body) = 0 then 'empty'
        when plain is null and charset is not null and sluice.webhook_encoding(charset) is null
            then 'charset ' || charset || ' is unknown to Postgres'
        when plain is null then 'not text in charset ' || coalesce(charset, 'utf-8')
        when sluice.webhook_document(plain, content_type) is null then 'neither a form nor JSON that jsonb can hold'
    end;
end
$$;

-- The new columns are the last ones, so that the view is replaced in place and users' views on it stay. body_bytes and
-- body_sha256 are those of the body, whether it is there or has expired.
create or replace view webhooks as
select id, source, method, path, query, headers, content_type,
       webhook_json(body, content_type, headers) as payload,
       webhook_text(body, content_type, headers) as body_text,
       coalesce(octet_length(body), body_bytes) as body_bytes,
       received_at, first_received_at, stored_at,
       webhook_payload_error(body, content_type, headers) as payload_error,
       order_value, body_expired_at,
       coalesce(sha256(body), body_sha256) as body_sha256
from webhooks_raw;

-- SPDX-License-Identifier: MIT
-- The order that a source's events name themselves; null where an event has none.
-- A column without a default is added without reading the table. The table is locked for an instant; setup waits for
-- that lock as long as its lock_timeout, and events wait with it. Who wants to choose the moment adds both columns
-- before.
alter table webhooks_raw add column if not exists order_value bigint;
alter table webhooks_dead add column if not exists order_value bigint;
comment on column webhooks_raw.order_value is
    'The event''s place among those of its id, from the value that "order" of its source names: the greatest is kept. Null: it has none, which is less than any.';
comment on column webhooks_dead.order_value is 'As in webhooks_raw.';

-- The new column is the last one, so that the view is replaced in place and users' views on it stay.
create or replace view webhooks as
select id, source, method, path, query, headers, content_type,
       webhook_json(body, content_type, headers) as payload,
       webhook_text(body, content_type, headers) as body_text,
       octet_length(body) as body_bytes,
       received_at, first_received_at, stored_at,
       webhook_payload_error(body, content_type, headers) as payload_error,
       order_value
from webhooks_raw;

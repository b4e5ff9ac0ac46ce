-- SPDX-License-Identifier: MIT
-- Messages whose envelope can't be read have neither id nor time: two of them with one body differ in their
-- properties alone, and are two dead letters.
drop index webhooks_dead_once;
create unique index webhooks_dead_once on webhooks_dead
    (source, id, coalesce(received_at, '-infinity'::timestamptz), body_sha256, sha256(coalesce(properties, '')));

-- A column that was changed has no statistics any more.
analyze webhooks_raw, webhooks_dead;

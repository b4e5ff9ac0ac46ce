-- SPDX-License-Identifier: MIT
-- An index on a member of the payload, for queries through the view; no extra column is needed. The expression must
-- start with the view's own call, sluice.webhook_json(body, content_type, headers), and continue as in your queries:
--     select id, received_at from sluice.webhooks where payload->'repository'->>'full_name' = 'octocat/hello'
-- Building it reads every body once while events continue to be stored. Afterwards each event costs one more parse
-- (about 5 us for 8 kB). An event whose body has expired has no payload, and is not found. CREATE INDEX CONCURRENTLY can't run inside a transaction.
create index concurrently webhooks_repository on sluice.webhooks_raw
    ((sluice.webhook_json(body, content_type, headers)->'repository'->>'full_name'));

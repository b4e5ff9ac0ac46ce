-- SPDX-License-Identifier: MIT
-- An index on what is in the payload, used through the view: no column of your own is needed. The expression must be
-- the view's own, sluice.webhook_json(body), and what follows it as in your queries:
--     select id, received_at from sluice.webhooks where payload->'repository'->>'full_name' = 'octocat/hello'
-- Building it reads every body once, and events go on being stored meanwhile; each event then costs one more parse
-- (some 5 us for 8 kB). CONCURRENTLY can't stand in a transaction.
create index concurrently webhooks_repository on sluice.webhooks_raw
    ((sluice.webhook_json(body)->'repository'->>'full_name'));

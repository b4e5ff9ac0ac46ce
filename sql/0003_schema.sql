-- SPDX-License-Identifier: MIT
-- A database that was set up before Sluice had a schema of its own has the objects in public: they move, with
-- their rows, indexes, rights, and the triggers and views that others have made on them.
do $$
begin
    if to_regclass('sluice.webhooks_raw') is not null then
        return;  -- made there by the migrations before this one
    end if;
    alter table public.webhooks_raw set schema sluice;
    alter table public.webhooks_dead set schema sluice;
    alter view public.webhooks set schema sluice;
    alter function public.webhook_text(bytea) set schema sluice;
    alter function public.webhook_json(bytea) set schema sluice;

    -- A trigger of somebody's own that calls one by its old place would else refuse every event from now on.
    create function public.webhook_text(body bytea) returns text
    language sql immutable strict parallel unsafe return sluice.webhook_text(body);
    create function public.webhook_json(body bytea) returns jsonb
    language sql immutable strict parallel unsafe return sluice.webhook_json(body);
    comment on function public.webhook_text(bytea) is 'Use sluice.webhook_text: this is its old place.';
    comment on function public.webhook_json(bytea) is 'Use sluice.webhook_json: this is its old place.';
end
$$;

-- SPDX-License-Identifier: MIT
-- The functions may call nothing but pg_catalog: maintenance commands run
-- index expressions with an empty search_path (Postgres 17), where a failed
-- look-up would be taken for a body that isn't JSON.
-- PARALLEL UNSAFE because a block with EXCEPTION can't run in a parallel
-- worker: "cannot start subtransactions during a parallel operation".

create function webhook_text(body bytea) returns text
language plpgsql immutable strict parallel unsafe as $$
begin
    return convert_from(body, 'UTF8');
exception when others then
    return null;  -- not UTF-8, or with a NUL
end
$$;
comment on function webhook_text(bytea) is 'The body as text, or null when it is not UTF-8 that Postgres can hold.';

create function webhook_json(body bytea) returns jsonb
language plpgsql immutable strict parallel unsafe as $$
declare
    form text;
    json jsonb;
begin
    begin
        form := convert_from(body, 'UTF8');
        json := form::jsonb;
        -- 1e100000 is 8 bytes here and 100,001 when it is printed: a body full of them would end
        -- every query that reads it. No program that reads JSON as doubles knows such numbers.
        if form ~ '(^|[,:\s]|\[)-?[0-9.]+[eE][-+]?[0-9]{3}' and jsonb_path_exists(json,
                '$.** ? (@.type() == "number" && (@ > 1.8e308 || @ < -1.8e308
                         || (@ > -1e-324 && @ < 1e-324 && @ != 0)))') then
            return null;
        end if;
        return json;
    exception when others then
        null;  -- not JSON, or JSON that jsonb can't hold: NUL, too deep, a number too large
    end;

    -- key=value&key=value in printable ASCII, as browsers and many senders
    -- encode a form. Repeated keys become an array, in order.
    form := convert_from(body, 'SQL_ASCII');
    if form !~ '^[][A-Za-z0-9%+*._~:$@!(),;/''-]+=([!#-%''-;?-~][!#-%''-;=?-~]*)?(&[][A-Za-z0-9%+*._~:$@!(),;/''-]+=([!#-%''-;?-~][!#-%''-;=?-~]*)?)*$' then
        return null;
    end if;
    return (
        with pairs as (
            select place, split_part(pair, '=', 1) as key,
                   substr(pair, strpos(pair, '=') + 1) as value
            from unnest(string_to_array(replace(form, '+', ' '), '&')) with ordinality as p (pair, place)
        ), pieces as (
            select place, part, n, piece,
                   n > 1 and piece ~ '^[0-9A-Fa-f]{2}' as escape
            from pairs,
                 lateral (values ('key', key), ('value', value)) as t (part, encoded),
                 lateral unnest(string_to_array(encoded, '%')) with ordinality as u (piece, n)
        ), decoded as (
            select place, part,
                   convert_from(decode(string_agg(
                       case when n = 1 then encode(convert_to(piece, 'UTF8'), 'hex')
                            when escape then left(piece, 2) || encode(convert_to(substr(piece, 3), 'UTF8'), 'hex')
                            else '25' || encode(convert_to(piece, 'UTF8'), 'hex')
                       end, '' order by n), 'hex'), 'UTF8') as plain
            from pieces
            group by place, part
        ), fields as (
            select place,
                   max(plain) filter (where part = 'key') as key,
                   coalesce(max(plain) filter (where part = 'value'), '') as value
            from decoded
            group by place
        ), members as (
            select key, case when count(*) = 1 then to_jsonb(max(value))
                             else jsonb_agg(value order by place) end as value
            from fields
            group by key
        )
        select jsonb_object_agg(key, value) from members
    );
exception when others then
    return null;
end
$$;
comment on function webhook_json(bytea) is 'The body as JSON; a form as an object of strings; null when it is neither.';

-- payload is the bare call, so that an index on an expression such as
-- (webhook_json(body)->>'action') is used through the view.
create view webhooks as
select id, source, method, path, query, headers, content_type,
       webhook_json(body) as payload,
       webhook_text(body) as body_text,
       octet_length(body) as body_bytes,
       received_at, first_received_at, stored_at
from webhooks_raw;
comment on view webhooks is 'Stored webhooks: payload is the body as JSON where it is JSON, body_text as text where it is text.';

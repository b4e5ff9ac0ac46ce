-- SPDX-License-Identifier: MIT
-- The view uses a body's headers: it decodes the charset that Content-Type declares, skips a UTF-8 BOM, shows a
-- compressed body neither as text nor as payload, and says in payload_error why a payload is null.
--
-- The functions name the schema of what they call, because maintenance commands run index expressions with an empty
-- search_path (Postgres 17). Those with an EXCEPTION block are PARALLEL UNSAFE, as before.

create function webhook_charset(content_type text) returns text
language plpgsql immutable strict parallel safe as $$
begin
    if strpos(lower(content_type collate "C"), 'charset') = 0 then
        return null;  -- most bodies; the pattern takes 3 us
    end if;
    -- A quoted string is skipped whole: charset= inside one is no parameter.
    return nullif(lower(translate(substring(content_type from
        '(?i)^(?:[^"]|"(?:[^"\\]|\\.)*")*;\s*charset\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*)'), '"''\ ', '')
        collate "C"), '');
end
$$;
comment on function webhook_charset(text) is 'The charset that a Content-Type declares, in lower case; null when it declares none.';

create function webhook_encoding(charset text) returns text
language plpgsql immutable strict parallel safe as $$
declare
    name constant text := regexp_replace(lower(charset collate "C"), '[^a-z0-9]', '', 'g');
begin
    return case
        when name in ('utf8', 'utf8mb4', 'usascii', 'ascii') then 'UTF8'
        when name in ('iso88591', 'latin1', 'l1') then 'LATIN1'
        when name in ('iso88592', 'latin2', 'l2') then 'LATIN2'
        when name in ('iso88593', 'latin3', 'l3') then 'LATIN3'
        when name in ('iso88594', 'latin4', 'l4') then 'LATIN4'
        when name in ('iso88595', 'cyrillic') then 'ISO_8859_5'
        when name in ('iso88596', 'arabic') then 'ISO_8859_6'
        when name in ('iso88597', 'greek') then 'ISO_8859_7'
        when name in ('iso88598', 'iso88598i', 'iso88598e', 'hebrew') then 'ISO_8859_8'
        when name in ('iso88599', 'latin5', 'l5') then 'LATIN5'
        when name in ('iso885910', 'latin6', 'l6') then 'LATIN6'
        when name in ('iso885911', 'tis620', 'windows874', 'cp874') then 'WIN874'
        when name in ('iso885913', 'latin7') then 'LATIN7'
        when name in ('iso885914', 'latin8', 'l8') then 'LATIN8'
        when name in ('iso885915', 'latin9', 'l9') then 'LATIN9'
        when name in ('iso885916', 'latin10', 'l10') then 'LATIN10'
        when name ~ '^(windows|cp|xcp)125[0-8]$' then 'WIN' || right(name, 4)
        when name in ('ibm866', 'cp866') then 'WIN866'
        when name in ('koi8r', 'koi8') then 'KOI8R'
        when name in ('koi8u', 'koi8ru') then 'KOI8U'
        when name in ('shiftjis', 'sjis', 'xsjis', 'windows31j', 'mskanji', 'ms932', 'cp932') then 'SJIS'
        when name in ('eucjp', 'xeucjp') then 'EUC_JP'
        when name in ('euckr', 'ksc56011987', 'ksc5601', 'cp949', 'ms949', 'windows949', 'uhc') then 'UHC'
        when name in ('gb2312', 'euccn', 'gbk', 'xgbk', 'cp936', 'ms936', 'windows936', 'gb18030') then 'GB18030'
        when name in ('big5', 'cnbig5', 'xxbig5', 'cp950') then 'BIG5'
        when name = 'euctw' then 'EUC_TW'
    end;
end
$$;
comment on function webhook_encoding(text) is 'Postgres'' name of a charset (IANA''s name or an alias); null when Postgres doesn''t know it.';

-- Some senders put a charset (utf-8) into Content-Encoding by mistake. Such a body is not compressed.
create function webhook_coding(headers jsonb) returns text
language plpgsql immutable strict parallel safe as $$
begin
    if not headers ? 'content-encoding' then
        return null;
    end if;
    return (
        select string_agg(coding, ', ' order by place)
        from (select btrim(lower(part collate "C"), E' \t'), place
              from unnest(string_to_array(headers->>'content-encoding', ',')) with ordinality as p (part, place))
             as t (coding, place)
        where coding not in ('', 'identity') and sluice.webhook_encoding(coding) is null
    );
end
$$;
comment on function webhook_coding(jsonb) is 'The content codings of a body (gzip), in lower case; null when it has none.';

create function webhook_text(body bytea, content_type text, headers jsonb) returns text
language plpgsql immutable parallel unsafe as $$
declare
    charset text;
    encoding text := 'UTF8';
    plain text;
begin
    if body is null or sluice.webhook_coding(headers) is not null then
        return null;
    end if;
    charset := sluice.webhook_charset(content_type);
    if charset is not null and charset <> 'utf-8' then
        encoding := sluice.webhook_encoding(charset);
        if substr(body, 1, 3) = '\xefbbbf' then
            encoding := 'UTF8';
        end if;
    end if;
    if encoding is null then
        -- Postgres doesn't know the charset. ASCII characters are the same in nearly all.
        plain := convert_from(body, 'UTF8');
        return case when plain ~ '^[\t\n\r -~]*$' then plain end;
    end if;
    plain := convert_from(body, encoding);
    if encoding = 'UTF8' and starts_with(plain, chr(65279)) then
        return substr(plain, 2);
    end if;
    return plain;
exception when others then
    return null;  -- not valid in its charset, or with a NUL
end
$$;
comment on function webhook_text(bytea, text, jsonb) is
    'The body as text, without a BOM, decoded from the charset that Content-Type declares (else UTF-8); null when it can''t be decoded.';

create function webhook_document(plain text, content_type text) returns jsonb
language plpgsql immutable parallel unsafe as $$
declare
    encoding text;
    json jsonb;
begin
    begin
        json := plain::jsonb;
        -- 1e100000 is 8 bytes here and 100,001 when it is printed: a body full of them would end
        -- every query that reads it. No program that reads JSON as doubles knows such numbers.
        if plain ~ '(^|[,:\s]|\[)-?[0-9.]+[eE][-+]?[0-9]{3}' and jsonb_path_exists(json,
                '$.** ? (@.type() == "number" && (@ > 1.8e308 || @ < -1.8e308
                         || (@ > -1e-324 && @ < 1e-324 && @ != 0)))') then
            return null;
        end if;
        return json;
    exception when others then
        null;  -- not JSON, or JSON that jsonb can't hold: NUL, too deep, a number too large
    end;

    -- key=value&key=value in printable ASCII, as browsers and many senders encode a form. Repeated keys become an
    -- array, in order.
    if plain !~ '^[][A-Za-z0-9%+*._~:$@!(),;/''-]+=([!#-%''-;?-~][!#-%''-;=?-~]*)?(&[][A-Za-z0-9%+*._~:$@!(),;/''-]+=([!#-%''-;?-~][!#-%''-;=?-~]*)?)*$' then
        return null;
    end if;
    encoding := coalesce(sluice.webhook_encoding(sluice.webhook_charset(content_type)), 'UTF8');
    return (
        with pairs as (
            select place, split_part(pair, '=', 1) as key,
                   substr(pair, strpos(pair, '=') + 1) as value
            from unnest(string_to_array(replace(plain, '+', ' '), '&')) with ordinality as p (pair, place)
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
                       end, '' order by n), 'hex'), encoding) as word
            from pieces
            group by place, part
        ), fields as (
            select place,
                   max(word) filter (where part = 'key') as key,
                   coalesce(max(word) filter (where part = 'value'), '') as value
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
comment on function webhook_document(text, text) is
    'Text as JSON; a form as an object of strings, its escapes decoded from the charset of Content-Type; null when it is neither.';

create function webhook_json(body bytea, content_type text, headers jsonb) returns jsonb
language plpgsql immutable parallel unsafe as $$
begin
    return sluice.webhook_document(sluice.webhook_text(body, content_type, headers), content_type);
end
$$;
comment on function webhook_json(bytea, text, jsonb) is
    'The body as JSON, by its Content-Type and its headers; a form as an object of strings; null when it is neither.';

create function webhook_payload_error(body bytea, content_type text, headers jsonb) returns text
language plpgsql immutable parallel unsafe as $$
declare
    coding text := left(sluice.webhook_coding(headers), 100);
    charset text := left(sluice.webhook_charset(content_type), 100);
    plain text := sluice.webhook_text(body, content_type, headers);
begin
    return case
        when coding is not null then 'content-encoding ' || coding
        when octet_length(body) = 0 then 'empty'
        when plain is null and charset is not null and sluice.webhook_encoding(charset) is null
            then 'charset ' || charset || ' is unknown to Postgres'
        when plain is null then 'not text in charset ' || coalesce(charset, 'utf-8')
        when sluice.webhook_document(plain, content_type) is null then 'neither a form nor JSON that jsonb can hold'
    end;
end
$$;
comment on function webhook_payload_error(bytea, text, jsonb) is 'Why a body has no payload; null when it has one.';

-- For triggers and indexes that call them. Only the result for a body with a BOM changes: an existing index keeps
-- such a row's old entry, null, until it is rebuilt.
create or replace function webhook_text(body bytea) returns text
language plpgsql immutable strict parallel unsafe as $$
begin
    return sluice.webhook_text(body, null, null);
end
$$;
comment on function webhook_text(bytea) is 'The body as text, without a BOM, or null when it is not UTF-8 that Postgres can hold.';

create or replace function webhook_json(body bytea) returns jsonb
language plpgsql immutable strict parallel unsafe as $$
begin
    return sluice.webhook_json(body, null, null);
end
$$;
comment on function webhook_json(bytea) is 'A UTF-8 body as JSON; a form as an object of strings; null when it is neither.';

-- payload is the bare call, so that an index on an expression such as
-- (webhook_json(body, content_type, headers)->>'action') is used through the view. The new column is the last one,
-- so that the view is replaced in place and users' views on it stay.
create or replace view webhooks as
select id, source, method, path, query, headers, content_type,
       webhook_json(body, content_type, headers) as payload,
       webhook_text(body, content_type, headers) as body_text,
       octet_length(body) as body_bytes,
       received_at, first_received_at, stored_at,
       webhook_payload_error(body, content_type, headers) as payload_error
from webhooks_raw;
comment on view webhooks is
    'Stored webhooks: payload is the body as JSON where it is JSON or a form, payload_error says why it is null; body_text is the body as text where it is text.';

do $$
declare
    thing record;
begin
    for thing in
        select distinct c.oid::regclass::text as name, pg_get_indexdef(c.oid) as definition
        from pg_depend d join pg_class c on c.oid = d.objid and d.classid = 'pg_class'::regclass
        where d.refclassid = 'pg_proc'::regclass and c.relkind in ('i', 'I')
          and d.refobjid in (to_regprocedure('sluice.webhook_json(bytea)'), to_regprocedure('sluice.webhook_text(bytea)'),
                             to_regprocedure('public.webhook_json(bytea)'), to_regprocedure('public.webhook_text(bytea)'))
    loop
        raise warning 'queries through the view webhooks no longer use the index %, because the view now calls webhook_json(body, content_type, headers) and webhook_text(body, content_type, headers): create an index with that call, then drop this one: %',
            thing.name, thing.definition;
    end loop;
end
$$;

/* SPDX-License-Identifier: MIT */
#include "table.h"

#include "ctl/record.h"

#define DROPPED_AT_ONCE "5000"

/* Each parameter has an explicit type, since a NULL (any) has none. */
#define FITS                                                                                          \
    "($1::text is null or source = $1) and ($2::text is null or id = $2)"                             \
    " and ($3::text is null or verdict = $3) and ($4::text is null or starts_with(sqlstate, $4))"     \
    " and ($5::bigint is null or dead_at <= $8::timestamptz - $5::bigint * interval '1 microsecond')" \
    " and ($6::bigint is null or dead_at > $8::timestamptz - $6::bigint * interval '1 microsecond')"  \
    " and ($7::bigint[] is null or dead_id = any ($7::bigint[])) and dead_id <= $9::bigint"           \
    " and ($10::text is null or starts_with(reason, $10))"
#define NEWEST " from webhooks_dead where " FITS " order by dead_id desc limit $11"
#define IN_ARRAY "dead_id = any ($1::bigint[])"

const char deadtable_now_and_last[] = "select now(), coalesce(max(dead_id), 0) from webhooks_dead";

const char deadtable_count[] = "select count(*), count(properties) from webhooks_dead where " FITS;

const char deadtable_kinds[] =
    "select verdict, coalesce(sqlstate, '-') as sqlstate, count(*) from webhooks_dead where " FITS
    " group by 1, 2 order by 3 desc, 1, 2";

const char deadtable_groups[] =
    "select source, verdict, sqlstate, left(reason, 100), count(*),"
    " to_char(min(dead_at), 'YYYY-MM-DD HH24:MI:SS'), to_char(max(dead_at), 'YYYY-MM-DD HH24:MI:SS')"
    " from (select * from webhooks_dead order by dead_id desc limit $11) d where " FITS
    " group by 1, 2, 3, 4 order by 5 desc, 1, 2, 3, 4 limit 100";

const char deadtable_list[] =
    "select dead_id, to_char(dead_at, 'YYYY-MM-DD HH24:MI:SS'), source, id, verdict, coalesce(sqlstate, '-'),"
    " attempts, reason" NEWEST;

const char deadtable_list_json[] =
    "select row_to_json(d) from (select dead_id, dead_at, source, id, method, path, received_at, attempts,"
    " verdict, sqlstate, reason, worker, octet_length(body) as body_bytes,"
    " encode(body_sha256, 'hex') as body_sha256" NEWEST ") as d";

const char deadtable_show[] =
    "select dead_id as dead, dead_at as died, verdict, sqlstate, reason, attempts, worker, source, id,"
    " received_at as received, order_value as \"order\", method, path, query, content_type, headers, remote, "
    "traceparent, keep,"
    " encode(properties, 'hex') as properties, octet_length(body) || ' bytes, SHA-256 ' ||"
    " encode(body_sha256, 'hex') as body, webhook_text(body, content_type, headers) as body_text,"
    " webhook_payload_error(body, content_type, headers) as payload_error"
    " from webhooks_dead where " IN_ARRAY;

const char deadtable_show_json[] = "select dead_id, " RECORD_TIME(
    "dead_at") " as dead_at, verdict, sqlstate, reason, attempts, worker,"
               " source, id, " RECORD_TIME(
                   "received_at") " as received_at, order_value, method, path, query, content_type, headers, "
                                  "remote, "
                                  "traceparent, keep,"
                                  " encode(properties, 'hex') as properties_hex, octet_length(body) as "
                                  "body_bytes,"
                                  " encode(body_sha256, 'hex') as body_sha256,"
                                  " body,"
                                  " webhook_json(body, content_type, headers) as payload,"
                                  " webhook_payload_error(body, content_type, headers) as payload_error"
                                  " from webhooks_dead where " IN_ARRAY;

const char deadtable_body[] = "select body from webhooks_dead where " IN_ARRAY;

const char deadtable_drop[] = "delete from webhooks_dead where dead_id in (select dead_id from webhooks_dead"
                              " where " FITS " order by dead_id limit " DROPPED_AT_ONCE " for update)";

const char deadtable_candidates[] =
    "select dead_id, octet_length(body) from webhooks_dead where " FITS
    " and properties is null and dead_id > $11::bigint order by dead_id limit $12";

const char deadtable_take[] =
    "delete from webhooks_dead where dead_id in (select dead_id from webhooks_dead"
    " where " IN_ARRAY " order by dead_id for update)"
    " returning dead_id, source, id, keep, method, path, query, headers, content_type, remote, traceparent,"
    " (extract(epoch from received_at) * 1000000)::bigint, body, properties is not null, order_value";

#define INSERTED                                                                               \
    "source, id, keep, method, path, query, headers, content_type, remote, traceparent, body," \
    " properties, attempts, reason, worker, received_at, order_value, verdict"

const char deadtable_insert[] =
    "insert into webhooks_dead (" INSERTED ")"
    " values ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, $11::bytea, $12::bytea, $13::int, $14, $15,"
    " timestamptz 'epoch' + $16::bigint / 1000000 * interval '1 second'"
    " + $16::bigint % 1000000 * interval '1 microsecond', $17::bigint, 'given-up')"
    " on conflict do nothing";

const char deadtable_probe[] =
    "insert into webhooks_dead (" INSERTED ") select " INSERTED " from webhooks_dead where false";

/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include "ctl/database.h"

#include <string.h>

/* Columns: what is checked, actual value, wanted value. */
static const char keys_sql[] =
    "select 'collation of ' || attrelid::regclass || '.' || attname, coalesce(collname::text, 'none'), 'C'"
    " from pg_attribute left join pg_collation c on c.oid = attcollation"
    " where attrelid in ('sluice.webhooks_raw'::regclass, 'sluice.webhooks_dead'::regclass)"
    "  and attname in ('id', 'source')"
    " union all "
    "select 'index ' || name, coalesce((select case when indisunique then 'unique ' else '' end"
    "   || case when indisvalid then '' else 'invalid ' end || substring(pg_get_indexdef(indexrelid) from "
    "'USING (.*)')"
    "  from pg_index where indexrelid = to_regclass('sluice.' || name)), 'missing'), wanted"
    " from (values ('webhooks_raw_pkey', 'unique btree (id, source)'),"
    "  ('webhooks_raw_received_at', 'btree (received_at)'),"
    "  ('webhooks_raw_source_received_at', 'btree (source, received_at)'),"
    "  ('webhooks_dead_dead_at', 'btree (dead_at)'),"
    "  ('webhooks_dead_once', 'unique btree (source, id, COALESCE(received_at, ''-infinity''::timestamp with "
    "time zone),"
    " body_sha256, sha256(COALESCE(properties, ''\\x''::bytea)))')) as i (name, wanted)";

enum column { WHAT, IS, WANTED };

enum error_code keys_check(PGconn *connection, struct outcome *outcome, struct error *error)
{
    PGresult *r = NULL;
    enum error_code code = database_query(connection, &r, keys_sql, 0, NULL, error);

    for (int row = 0; code == ERROR_NONE && row < PQntuples(r); row++) {
        const char *is = PQgetvalue(r, row, IS), *wanted = PQgetvalue(r, row, WANTED);

        if (strcmp(is, wanted) != 0) {
            outcome_differs(outcome, is, wanted, "%s", PQgetvalue(r, row, WHAT));
        }
    }
    PQclear(r);
    return code;
}

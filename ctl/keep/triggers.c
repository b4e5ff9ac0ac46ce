/* SPDX-License-Identifier: MIT */
#include "triggers.h"

#include "ctl/database.h"
#include "ctl/report.h"

#define NAME "prune"
#define OWN "webhooks_raw_body_is_back" /* of sql/0008_expiry.sql */

/* The bits of pg_trigger.tgtype are the server's TRIGGER_TYPE_ROW, DELETE and UPDATE. A condition is trusted
 * when it requires the body: an OR, a NOT or a CASE might not, unless the body stands behind the last AND of
 * all, as in the statement that is given. It is only given where
 * `create or replace trigger` can run it: a trigger on delete has no new row. */
static const char asked[] =
    "with triggers as (select t.*, pg_get_triggerdef(t.oid) as definition,"
    "  coalesce(substring(pg_get_triggerdef(t.oid) from ' WHEN \\((.*)\\) EXECUTE FUNCTION '), '') as "
    "condition"
    "  from pg_trigger t where t.tgrelid = 'sluice.webhooks_raw'::regclass and not t.tgisinternal"
    "  and t.tgname <> '" OWN "' and t.tgenabled in ('O', 'A') and t.tgtype::int & 16 <> 0"
    "  and (cardinality(t.tgattr::int2[]) = 0 or exists (select from pg_attribute a where a.attrelid = "
    "t.tgrelid"
    "   and a.attnum = any (t.tgattr::int2[])"
    "   and a.attname in ('body', 'headers', 'body_bytes', 'body_sha256', 'body_expired_at'))))"
    " select quote_ident(tgname), case when tgtype::int & 9 = 1 and tgconstraint = 0 then"
    "  replace(case when condition = ''"
    "   then replace(definition, ' EXECUTE FUNCTION ', ' WHEN (new.body is not null) EXECUTE FUNCTION ')"
    "   else replace(definition, condition, condition || ' and new.body is not null') end,"
    "  'CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER') end"
    " from triggers where (condition not like '%new.body IS NOT NULL%' or condition ~ ' OR |NOT \\(|CASE ')"
    " and condition !~ 'AND \\(new\\.body IS NOT NULL\\)\\)$'"
    " order by tgname";

enum error_code triggers_check(PGconn *database, struct error *error)
{
    PGresult *r = NULL;
    enum error_code code = database_query(database, &r, asked, 0, NULL, error);
    int count = code == ERROR_NONE ? PQntuples(r) : 0;

    for (int row = 0; row < count; row++) {
        bool has_statement = !PQgetisnull(r, row, 1);

        report_problem(NAME, "the trigger %s would run when a body is emptied, and see null. %s%s",
                       PQgetvalue(r, row, 0),
                       has_statement ? "Add the condition: "
                                     : "Make it anew with the condition new.body is not null",
                       has_statement ? PQgetvalue(r, row, 1) : "");
    }
    PQclear(r);
    if (count > 0) {
        return error_set(
            error, ERROR_SETTING,
            "%d %s on webhooks_raw might overwrite what %s made of the bodies: add the condition, "
            "or give --despite-triggers",
            count, count == 1 ? "trigger" : "triggers", count == 1 ? "it has" : "they have");
    }
    return code;
}

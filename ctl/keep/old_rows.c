/* SPDX-License-Identifier: MIT */
#include "old_rows.h"

#include "ctl/database.h"
#include "signals.h"

#include <stdio.h>
#include <stdlib.h>

#define BATCH "5000"

/* Deletes one batch in its own transaction. Skips locked rows, such as one that a worker is updating. `from`
 * lets the server skip the index entries of rows that are already deleted. */
static enum error_code delete_batch(struct sweep *s, char from[48], int64_t *gone, struct error *error)
{
    const char *const parameters[] = {s->before, from, s->source};
    PGresult *r = NULL;
    enum error_code code = database_query(
        s->database, &r,
        "with gone as (delete from webhooks_raw where ctid = any (array("
        "  select ctid from webhooks_raw where received_at < $1::timestamptz"
        "   and received_at >= $2::timestamptz and ($3::text is null or source = $3)"
        "  order by received_at limit " BATCH " for update skip locked)) returning received_at)"
        " select count(*), coalesce(max(received_at), '-infinity') from gone",
        3, parameters, error);

    *gone = 0;
    if (code == ERROR_NONE) {
        *gone = atoll(PQgetvalue(r, 0, 0));
        s->rows += *gone;
        (void)snprintf(from, sizeof s->before, "%s", PQgetvalue(r, 0, 1));
    }
    PQclear(r);
    return code;
}

enum error_code old_rows_delete(struct sweep *sweep, struct error *error)
{
    char from[sizeof sweep->before] = "-infinity";
    enum error_code code = ERROR_NONE;
    int64_t gone = 1;

    while (code == ERROR_NONE && gone > 0 && !signals_drain_requested()) {
        code = delete_batch(sweep, from, &gone, error);
    }
    return code;
}

enum error_code old_rows_count(struct sweep *sweep, struct error *error)
{
    const char *const parameters[] = {sweep->before, sweep->source};
    PGresult *r = NULL;
    enum error_code code = database_query(sweep->database, &r,
                                          "select count(*) from webhooks_raw where received_at < "
                                          "$1::timestamptz and ($2::text is null or source = $2)",
                                          2, parameters, error);

    if (code == ERROR_NONE) {
        sweep->left = atoll(PQgetvalue(r, 0, 0));
    }
    PQclear(r);
    return code;
}

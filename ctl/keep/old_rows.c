/* SPDX-License-Identifier: MIT */
#include "old_rows.h"

#include "ctl/database.h"
#include "signals.h"

#include <stdio.h>
#include <stdlib.h>

/* Deletes the first 5,000 of the old rows in this order, but those that others have locked, such as one that
 * a worker is updating. $2 lets the server skip the index entries of rows that are already deleted. */
#define DELETE_BATCH(of, order)                                           \
    "with gone as (delete from webhooks_raw where ctid = any (array("     \
    "  select ctid from webhooks_raw where received_at < $1::timestamptz" \
    "   and received_at >= $2::timestamptz and " of " order by " order    \
    "  limit 5000 for update skip locked)) returning received_at)"        \
    " select count(*), coalesce(max(received_at), '-infinity') from gone"

static const char delete_of_all[] = DELETE_BATCH("$3::text is null", "received_at");
/* By the index that begins with the source. With `source = $3` the index on the time alone would give this
 * order, too; the planner may choose it, and read through the old rows of all other sources. */
static const char delete_of_source[] = DELETE_BATCH("source = any (array[$3])", "source, received_at");

/* Deletes one batch in its own transaction. */
static enum error_code delete_batch(struct sweep *s, char from[48], int64_t *gone, struct error *error)
{
    const char *const parameters[] = {s->before, from, s->source};
    PGresult *r = NULL;
    enum error_code code = database_query(
        s->database, &r, s->source == NULL ? delete_of_all : delete_of_source, 3, parameters, error);

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

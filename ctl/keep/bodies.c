/* SPDX-License-Identifier: MIT */
#include "bodies.h"

#include "bodies_index.h"
#include "ctl/database.h"
#include "patient.h"
#include "signals.h"

#include <stdio.h>
#include <stdlib.h>

/* A batch ends at so many rows or bytes: the server computes each body's SHA-256, and workers that meet a
 * locked row wait for the end. */
#define BATCH_ROWS "1000"
#define BATCH_BYTES "33554432"

/* The sources of all rows, or the one of parameter $1, as sources (source). Each is found by one descent in
 * the index on the sources, whether the index on bodies is there yet or not: no table is scanned. */
#define SOURCES                                                                     \
    "with recursive sources (source) as ("                                          \
    "  (select coalesce($1::text, (select min(source) from webhooks_raw)))"         \
    "  union all"                                                                   \
    "  select (select min(w.source) from webhooks_raw w where w.source > s.source)" \
    "  from sources s where s.source is not null and $1::text is null)"

/* The conditions stand in the update, too: it never empties what a worker has just replaced. `is true` keeps
 * the planner from using an index on received_at there. With statistics that know of no old rows it would,
 * and compare each old row with the thousand places. */
static const char batch[] =
    "with few as materialized (select ctid as place, received_at, octet_length(body) as bytes"
    "  from webhooks_raw where source = $1 and body is not null"
    "  and " BODIES_INDEX_TIME " < $2::timestamptz and " BODIES_INDEX_TIME " >= $3::timestamptz"
    "  order by " BODIES_INDEX_TIME " limit " BATCH_ROWS " for update skip locked),"
    " summed as (select place, sum(bytes) over (order by received_at, place rows unbounded preceding) - bytes"
    "  as before from few),"
    " emptied as (update webhooks_raw set body = null, headers = '{}', body_bytes = octet_length(body),"
    "  body_sha256 = sha256(body), body_expired_at = now()"
    "  where ctid = any (array(select place from summed where before < " BATCH_BYTES "))"
    "  and (received_at < $2::timestamptz and body is not null) is true returning received_at, body_bytes)"
    " select count(*), coalesce(sum(body_bytes), 0), coalesce(max(received_at), '-infinity') from emptied";

/* Empties one batch in its own transaction. Skips locked rows. `from` lets the server skip the index entries
 * of bodies that are already gone. */
static enum error_code empty_batch(struct sweep *s, const char *source, char from[48], int64_t *gone,
                                   struct error *error)
{
    const char *const parameters[] = {source, s->before, from};
    PGresult *r = NULL;
    enum error_code code = database_query(s->database, &r, batch, 3, parameters, error);

    *gone = 0;
    if (code == ERROR_NONE) {
        *gone = atoll(PQgetvalue(r, 0, 0));
        s->rows += *gone;
        s->bytes += atoll(PQgetvalue(r, 0, 1));
        (void)snprintf(from, sizeof s->before, "%s", PQgetvalue(r, 0, 2));
    }
    PQclear(r);
    return code;
}

static enum error_code empty_source(struct sweep *s, const char *source, struct error *error)
{
    char from[sizeof s->before] = "-infinity";
    enum error_code code = ERROR_NONE;
    int64_t gone = 1;

    while (code == ERROR_NONE && gone > 0 && !signals_drain_requested()) {
        code = empty_batch(s, source, from, &gone, error);
    }
    return code;
}

enum error_code bodies_empty(struct sweep *sweep, struct error *error)
{
    const char *const parameters[] = {sweep->source};
    PGresult *sources = NULL;
    enum error_code code = bodies_index_make(sweep->database, error);

    if (code == ERROR_NONE) {
        code = database_query(sweep->database, &sources,
                              SOURCES " select source from sources where source is not null", 1, parameters,
                              error);
    }
    for (int row = 0; code == ERROR_NONE && row < PQntuples(sources); row++) {
        code = empty_source(sweep, PQgetvalue(sources, row, 0), error);
    }
    PQclear(sources);
    return code;
}

enum error_code bodies_count(struct sweep *sweep, struct error *error)
{
    const char *const parameters[] = {sweep->source, sweep->before};
    PGresult *r = NULL;
    enum error_code code;

    sweep->left = sweep->left_bytes = -1;
    if (signals_drain_requested()) {
        return ERROR_NONE;
    }
    code =
        patient_query(sweep->database, &r,
                      SOURCES " select coalesce(sum(old.count), 0), coalesce(sum(old.bytes), 0)"
                              " from sources s, lateral (select count(*), sum(octet_length(w.body)) as bytes"
                              "  from webhooks_raw w where w.source = s.source and w.body is not null"
                              "  and " BODIES_INDEX_TIME " < $2::timestamptz) old where s.source is not null",
                      2, parameters, error);

    if (code == ERROR_NONE) {
        sweep->left = atoll(PQgetvalue(r, 0, 0));
        sweep->left_bytes = atoll(PQgetvalue(r, 0, 1));
    }
    PQclear(r);
    return code;
}

/* SPDX-License-Identifier: MIT */
#include "bodies_index.h"

#include "ctl/database.h"
#include "ctl/report.h"
#include "patient.h"

#define NAME "webhooks_raw_bodies"

enum index_state { INDEX_MISSING, INDEX_BROKEN, INDEX_THERE };

/* An index of an earlier release has no expression: it counts as broken, and is made anew. */
static enum error_code look(PGconn *database, enum index_state *state, struct error *error)
{
    PGresult *r = NULL;
    enum error_code code = database_query(database, &r,
                                          "select indisvalid and indexprs is not null from pg_index"
                                          " where indexrelid = to_regclass('sluice." NAME "')",
                                          0, NULL, error);

    *state = INDEX_MISSING;
    if (code == ERROR_NONE && PQntuples(r) == 1) {
        *state = PQgetvalue(r, 0, 0)[0] == 't' ? INDEX_THERE : INDEX_BROKEN;
    }
    PQclear(r);
    return code;
}

static enum error_code change(PGconn *database, const char *sql, struct error *error)
{
    PGresult *r = NULL;
    enum error_code code = patient_query(database, &r, sql, 0, NULL, error);

    PQclear(r);
    return code;
}

enum error_code bodies_index_make(PGconn *database, struct error *error)
{
    enum index_state state;
    enum error_code code = look(database, &state, error);

    if (code != ERROR_NONE || state == INDEX_THERE) {
        return code;
    }
    report_problem("prune", "making the index " NAME " once; events go on being stored meanwhile");
    if (state == INDEX_BROKEN) {
        code = change(database, "drop index concurrently sluice." NAME, error);
    }
    if (code == ERROR_NONE) {
        code = change(database,
                      "create index concurrently " NAME " on sluice.webhooks_raw (source, " BODIES_INDEX_TIME
                      ") where body is not null",
                      error);
    }
    return code;
}

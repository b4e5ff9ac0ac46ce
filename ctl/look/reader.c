/* SPDX-License-Identifier: MIT */
#include "reader.h"

#include "ctl/database.h"

#include <string.h>

#define WORKERS_ROLE "sluice_worker"

/* True when the URL logs in as the workers' role. */
static bool is_workers(const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    bool found = false;

    for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
        found =
            found || (strcmp(o->keyword, "user") == 0 && o->val != NULL && strcmp(o->val, WORKERS_ROLE) == 0);
    }
    PQconninfoFree(options);
    return found;
}

enum error_code reader_open(PGconn **connection, const struct postgres_access *access, const char *subcommand,
                            struct error *error)
{
    enum error_code code;

    *connection = NULL;
    if (is_workers(access->url)) {
        return error_set(error, ERROR_SETTING,
                         "DATABASE_URL logs in as " WORKERS_ROLE
                         ", whose connections are the workers' budget: "
                         "use sluice_reader");
    }
    code = database_open(connection, DATABASE_READS, access->url, access->password, subcommand, error);
    if (code == ERROR_NONE) {
        code = database_run(*connection,
                            "set default_transaction_read_only = on; set statement_timeout = '5s';"
                            " set timezone = 'UTC'",
                            error);
    }
    return code;
}

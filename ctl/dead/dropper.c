/* SPDX-License-Identifier: MIT */
#include "dropper.h"

#include "clock.h"
#include "ctl/audit.h"
#include "ctl/database.h"
#include "table.h"

#include <stdlib.h>

enum error_code dropper_run(const struct deadfilter *filter, PGconn *database,
                            const struct dropper_options *options, int64_t *dropped, struct error *error)
{
    struct audit audit;
    int64_t gone;
    enum error_code code =
        database_run(database, "set statement_timeout = '60s'; set lock_timeout = '15s'", error);

    *dropped = 0;
    if (code == ERROR_NONE) {
        code = audit_begin(&audit, database, options->action, options->argument_count, options->arguments,
                           error);
    }
    if (code != ERROR_NONE) {
        return code;
    }
    do {
        PGresult *r = NULL;

        gone = 0;
        code = deadfilter_query(filter, database, &r, deadtable_drop, 0, NULL, error);
        if (code == ERROR_NONE) {
            gone = atoll(PQcmdTuples(r));
            *dropped += gone;
        }
        PQclear(r);
    } while (gone > 0 && (options->deadline_us == 0 || clock_monotonic_us() < options->deadline_us));
    audit_end(&audit, *dropped, code);
    return code;
}

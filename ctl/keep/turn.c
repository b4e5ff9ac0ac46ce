/* SPDX-License-Identifier: MIT */
#include "turn.h"

#include "clock.h"
#include "ctl/database.h"
#include "ctl/report.h"
#include "pause.h"
#include "signals.h"

/* Any numbers will do, but every release must use the same ones; that of setup is the one before. */
static const char *const locks[] = {[TURN_ROWS] = "126943972253542", [TURN_BODIES] = "126943972253543"};

/* It is asked for again and again: a statement that waits has a snapshot, and the build of an index by the
 * holder of the lock would wait for that. */
enum error_code turn_take(PGconn *database, enum turn turn, bool *taken, struct error *error)
{
    const char *const parameters[] = {locks[turn]};
    enum error_code code = ERROR_NONE;
    bool told = false;

    *taken = false;
    while (code == ERROR_NONE && !*taken && !signals_drain_requested()) {
        PGresult *r = NULL;

        code = database_query(database, &r, "select pg_try_advisory_lock($1::bigint)", 1, parameters, error);
        *taken = code == ERROR_NONE && PQgetvalue(r, 0, 0)[0] == 't';
        PQclear(r);
        if (code == ERROR_NONE && !*taken) {
            if (!told) {
                report_problem("prune", "another sluice prune holds the lock: waiting until it has ended");
                told = true;
            }
            pause_for(CLOCK_US_PER_S);
        }
    }
    return code;
}

/* SPDX-License-Identifier: MIT */
#include "patient.h"

#include "ctl/database.h"
#include "signals.h"

#include <poll.h>

/* The server forgets a cancel that comes before the statement has begun. */
#define CANCEL_AGAIN_MS 1000

static void cancel(PGconn *connection)
{
    PGcancel *request = PQgetCancel(connection);
    char refusal[256];

    (void)PQcancel(request, refusal, sizeof refusal); /* in vain: it is asked for again */
    PQfreeCancel(request);
}

/* Returns when the whole result is there, or the connection is lost. */
static void wait_for_result(PGconn *connection)
{
    struct pollfd fds[] = {{.fd = PQsocket(connection), .events = POLLIN},
                           {.fd = signals_drain_fd(), .events = POLLIN}};

    while (PQisBusy(connection) == 1) {
        bool draining = signals_drain_requested();

        if (draining) {
            cancel(connection);
            fds[1].fd = -1;
        }
        (void)poll(fds, sizeof fds / sizeof fds[0], draining ? CANCEL_AGAIN_MS : -1);
        if (fds[0].revents != 0 && PQconsumeInput(connection) != 1) {
            return;
        }
    }
}

static enum error_code ask(PGconn *connection, PGresult **result, const char *sql, int count,
                           const char *const *parameters, struct error *error)
{
    PGresult *r = NULL, *next;
    enum error_code code;

    if (PQsendQueryParams(connection, sql, count, NULL, parameters, NULL, NULL, 0) == 1) {
        wait_for_result(connection);
        while ((next = PQgetResult(connection)) != NULL) {
            PQclear(r);
            r = next;
        }
    }
    code = database_outcome(connection, r, error);
    if (code == ERROR_NONE) {
        *result = r;
        return code;
    }
    PQclear(r);
    return signals_drain_requested() ? error_set(error, ERROR_CLOSED, "interrupted") : code;
}

enum error_code patient_query(PGconn *connection, PGresult **result, const char *sql, int count,
                              const char *const *parameters, struct error *error)
{
    enum error_code code = database_run(connection, "set lock_timeout = 0; set statement_timeout = 0", error);

    *result = NULL;
    if (code == ERROR_NONE) {
        code = ask(connection, result, sql, count, parameters, error);
    }
    if (code == ERROR_NONE) {
        code = database_run(connection, PATIENT_BOUNDS, error);
    }
    return code;
}

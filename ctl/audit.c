/* SPDX-License-Identifier: MIT */
#include "audit.h"

#include "database.h"
#include "log.h"
#include "logfmt.h"
#include "report.h"

#include <pwd.h>
#include <stdbool.h>
#include <unistd.h>

/* Name of the user of this process, or the number of one that has none, as in a container. */
static void append_user(struct buf *out)
{
    char memory[4096];
    struct passwd entry, *found = NULL;

    if (getpwuid_r(geteuid(), &entry, memory, sizeof memory, &found) == 0 && found != NULL) {
        buf_append_text(out, found->pw_name);
    } else {
        buf_printf(out, "%ld", (long)geteuid());
    }
}

/* `raise log` reaches the server's log with its default settings, and not the client. The line is a
 * parameter, since the server adds the statement to its log. */
static enum error_code tell_server(PGconn *database, const char *line, struct error *error)
{
    const char *const parameters[] = {line};
    PGresult *r = NULL;
    enum error_code code =
        database_query(database, &r, "select set_config('sluice.audit', $1, false)", 1, parameters, error);

    PQclear(r);
    return code != ERROR_NONE
               ? code
               : database_run(database, "do 'begin raise log ''%'', current_setting(''sluice.audit''); end'",
                              error);
}

/* Writes the line to the server's log and, if `aloud`, to standard error. */
static enum error_code tell(const struct audit *audit, const char *event, int64_t events, const char *outcome,
                            bool aloud, struct error *error)
{
    char host[256] = "";
    struct buf user = {0}, filter = {0}, line = {0};
    enum error_code code;

    (void)gethostname(host, sizeof host - 1);
    append_user(&user);
    for (int i = 1; i < audit->count; i++) {
        buf_append_text(&filter, i == 1 ? "" : " ");
        buf_append_text(&filter, audit->arguments[i]);
    }

    const struct log_field fields[] = {
        log_text("action", audit->action),     log_text("role", PQuser(audit->database)),
        log_span("user", buf_span(&user)),     log_text("host", host),
        log_span("filter", buf_span(&filter)), log_number("events", events),
        log_text("outcome", outcome),          {0},
    };

    logfmt_append(&line, LOG_INFO, event, fields);
    line.len -= line.len > 0 ? 1 : 0; /* the newline */
    if (aloud) {
        log_write(LOG_INFO, event, fields);
    }
    code = tell_server(audit->database, buf_text(&line), error);
    buf_free(&user);
    buf_free(&filter);
    buf_free(&line);
    return code;
}

enum error_code audit_begin(struct audit *audit, PGconn *database, const char *action, int count,
                            char **arguments, struct error *error)
{
    *audit = (struct audit){database, action, count, arguments};
    return tell(audit, "audit-begun", 0, "begun", false, error);
}

void audit_end(const struct audit *audit, int64_t events, enum error_code outcome)
{
    struct error error = {0};
    enum error_code code = ERROR_NONE;

    if (PQtransactionStatus(audit->database) != PQTRANS_IDLE) {
        code = database_run(audit->database, "rollback", &error);
    }
    if (tell(audit, "audit", events, outcome == ERROR_NONE ? "done" : "failed", true, &error) != ERROR_NONE ||
        code != ERROR_NONE) {
        report_problem(audit->action, "the audit line is not in the server's log: %s", error.text);
    }
}

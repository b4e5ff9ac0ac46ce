/* SPDX-License-Identifier: MIT */
#include "database.h"

#include "clock.h"
#include "ctl/settings.h"
#include "lib/postgres/reach.h"
#include "secret_file.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define NAMES_US (10 * CLOCK_US_PER_S) /* a resolver asks its second server after 5 s */
#define CONNECT_US (5 * CLOCK_US_PER_S)

/* Length of the first line of libpq's message, without its newline. */
static int line_length(const char *message)
{
    return (int)strcspn(message, "\n");
}

/* Extracts the SQLSTATE from the verbose message of a failed connect, "FATAL:  28P01: text"; libpq offers no
 * other way. "" when the server sent none. After several attempts (TLS first, then plain) the last counts. */
static void connect_sqlstate(const char *message, char state[6])
{
    state[0] = '\0';
    for (const char *at = message; (at = strstr(at, ":  ")) != NULL; at++) {
        const char *code = at + 3;
        size_t len = 0;

        while (len < 5 && (isupper((unsigned char)code[len]) || isdigit((unsigned char)code[len]))) {
            len++;
        }
        if (len == 5 && code[5] == ':') {
            memcpy(state, code, 5);
            state[5] = '\0';
        }
    }
}

static enum error_code connect_failed(PGconn *c, struct error *error)
{
    const char *message = PQerrorMessage(c);
    char state[6];

    connect_sqlstate(message, state);
    if (strncmp(state, "28", 2) == 0 || strcmp(state, "42501") == 0) {
        return error_set(error, ERROR_REFUSED, "database: %.*s", line_length(message), message);
    }
    if (strcmp(state, "3D000") == 0) {
        return error_set(error, ERROR_SETTING, "database: %.*s; create it first", line_length(message),
                         message);
    }
    return error_set(error, ERROR_UNREACHABLE, "database: %.*s", line_length(message), message);
}

/* Waits until the socket is ready in the direction that libpq wants. Returns false after the deadline. */
static bool wait_socket(PGconn *c, PostgresPollingStatusType wants, int64_t deadline)
{
    struct pollfd fd = {.fd = PQsocket(c), .events = wants == PGRES_POLLING_READING ? POLLIN : POLLOUT};

    for (;;) {
        int64_t left = deadline - clock_monotonic_us();
        int got = left <= 0 ? 0 : poll(&fd, 1, (int)(left / CLOCK_US_PER_MS) + 1);

        if (got >= 0 || errno != EINTR) {
            return got > 0;
        }
    }
}

/* Begins to connect, once the names of the hosts are known. *count: of addresses. */
static enum error_code begin(PGconn **connection, const char *url, size_t turn, const char *const *keywords,
                             const char *const *values, size_t *count, struct error *error)
{
    int64_t now = clock_monotonic_us();
    struct reach *reach;
    struct error cause;
    enum error_code code = reach_begin(&reach, url, NAMES_US, &cause);

    if (code == ERROR_NONE) {
        while (!reach_is_known(reach, now)) {
            struct pollfd fd = {.fd = reach_fd(reach), .events = POLLIN};

            (void)poll(&fd, 1, (int)((reach_deadline_us(reach) - now) / CLOCK_US_PER_MS) + 1);
            now = clock_monotonic_us();
        }
        code = reach_connect(reach, turn, keywords, values, connection, &cause);
        *count = reach_count(reach);
        reach_end(reach);
    }
    return code == ERROR_NONE ? code : error_set(error, code, "database: %s", cause.text);
}

/* Goes on with connecting until it is done. *silent: a server let the deadline pass. */
static enum error_code finish(PGconn *c, bool *silent, struct error *error)
{
    int64_t deadline = clock_monotonic_us() + CONNECT_US;
    PostgresPollingStatusType wants = PGRES_POLLING_WRITING;

    *silent = false;
    if (PQstatus(c) == CONNECTION_BAD) { /* at once: a name, or a socket that isn't there */
        return connect_failed(c, error);
    }
    (void)PQsetErrorVerbosity(c, PQERRORS_VERBOSE);
    while (wants != PGRES_POLLING_OK && wants != PGRES_POLLING_FAILED) {
        if (!wait_socket(c, wants, deadline)) {
            *silent = true;
            return error_set(error, ERROR_UNREACHABLE, "database: no connection to %s port %s within 5 s",
                             PQhost(c), PQport(c));
        }
        wants = PQconnectPoll(c);
    }
    if (wants == PGRES_POLLING_FAILED) {
        return connect_failed(c, error);
    }
    (void)PQsetErrorVerbosity(c, PQERRORS_DEFAULT);
    return database_run(c, "set search_path = sluice, public", error);
}

/* What a use wants of a server (NULL: what the URL says, else any), and the setting of its password. */
static const struct {
    const char *attribute, *setting;
} uses[] = {
    [DATABASE_READS] = {NULL, POSTGRES_PASSWORD},
    [DATABASE_NEWEST] = {"primary", POSTGRES_PASSWORD},
    [DATABASE_WRITES] = {"read-write", OWNER_PASSWORD},
};

/* Tries one address after the other, as long as they are silent. */
static enum error_code open_with(PGconn **connection, enum database_use use, const char *url,
                                 const char *password, const char *name, struct error *error)
{
    /* Later keywords override those of the URL, which comes first. TCP settings end a wait on a dead link
     * after 20 s. */
    const char *const keywords[] = {"password",
                                    "application_name",
                                    "client_encoding",
                                    "keepalives_idle",
                                    "tcp_user_timeout",
                                    "target_session_attrs",
                                    NULL};
    const char *const values[] = {
        password[0] == '\0' ? NULL : password, name, "UTF8", "10", "20000", uses[use].attribute, NULL};
    enum error_code code = ERROR_NONE;
    size_t count = 1;
    bool silent = true;

    for (size_t turn = 0; silent && turn < count; turn++) {
        *connection = NULL;
        code = begin(connection, url, turn, keywords, values, &count, error);
        if (code != ERROR_NONE) {
            return code;
        }
        code = finish(*connection, &silent, error);
        if (code != ERROR_NONE) {
            PQfinish(*connection);
            *connection = NULL;
        }
    }
    return code;
}

enum error_code database_open(PGconn **connection, enum database_use use, const char *url,
                              const char *password, const char *subcommand, struct error *error)
{
    struct buf current = {0};
    char name[64];
    enum error_code code;

    (void)snprintf(name, sizeof name, "sluice %s", subcommand);
    secret_file_read(uses[use].setting, password, &current);
    code = open_with(connection, use, url, buf_text(&current), name, error);
    secret_file_forget(&current);
    return code;
}

static enum error_code query_failed(PGconn *c, const PGresult *result, struct error *error)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    enum error_code code = ERROR_REFUSED;
    /* Errors after which the same statement may succeed. */
    static const struct {
        const char *prefix;
        enum error_code code;
    } passing[] = {
        {"55P03", ERROR_TIMEOUT},     /* lock_timeout */
        {"57014", ERROR_TIMEOUT},     /* statement_timeout */
        {"57P", ERROR_CLOSED},        /* the server is shutting down or starting */
        {"08", ERROR_CLOSED},         /* connection exception */
        {"40", ERROR_UNREACHABLE},    /* deadlock, serialization failure */
        {"53", ERROR_UNREACHABLE},    /* disk full, out of memory, too many connections */
        {"58", ERROR_UNREACHABLE},    /* system error */
        {"25006", ERROR_UNREACHABLE}, /* read-only transaction: a failover is in progress */
    };

    if (state == NULL || PQstatus(c) == CONNECTION_BAD) {
        return error_set(error, ERROR_CLOSED, "database: %.*s", line_length(PQerrorMessage(c)),
                         PQerrorMessage(c));
    }
    if (strcmp(state, "42P01") == 0) {
        return error_set(error, ERROR_NOT_FOUND, "database: %s; has `sluice setup` been run?", primary);
    }
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        if (strncmp(state, passing[i].prefix, strlen(passing[i].prefix)) == 0) {
            code = passing[i].code;
        }
    }
    return error_set(error, code, "database: %s (SQLSTATE %s)", primary, state);
}

enum error_code database_outcome(PGconn *connection, const PGresult *result, struct error *error)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ? ERROR_NONE
                                                                   : query_failed(connection, result, error);
}

enum error_code database_query(PGconn *connection, PGresult **result, const char *sql, int count,
                               const char *const *parameters, struct error *error)
{
    PGresult *r = PQexecParams(connection, sql, count, NULL, parameters, NULL, NULL, 0);
    enum error_code code = database_outcome(connection, r, error);

    *result = code == ERROR_NONE ? r : NULL;
    if (code != ERROR_NONE) {
        PQclear(r);
    }
    return code;
}

enum error_code database_run(PGconn *connection, const char *sql, struct error *error)
{
    PGresult *r = PQexec(connection, sql);
    enum error_code code = database_outcome(connection, r, error);

    PQclear(r);
    return code;
}

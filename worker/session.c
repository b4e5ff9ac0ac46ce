/* SPDX-License-Identifier: MIT */
#include "session.h"

#include "clock.h"
#include "secret_file.h"
#include "upsert.h"

#include <ctype.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Half of what an opening may take: of several hosts the others get their turn. */
#define NAMES_US (2500 * CLOCK_US_PER_MS)

/* The settings are given again although the role has them: a managed server's role may not. A lock among
 * workers lasts milliseconds; what somebody else holds for longer costs one event its turn, so a short wait
 * is best for all others. */
static const char settle_in[] =
    "set synchronous_commit = on;"
    "set statement_timeout = '" UPSERT_STATEMENT_TIMEOUT "';"
    "set lock_timeout = '" UPSERT_LOCK_TIMEOUT "';"
    "set idle_in_transaction_session_timeout = '30s';"
    "set client_min_messages = error;"
    "select rolconnlimit, rolsuper, " UPSERT_IS_SYNCHRONOUS " from pg_roles where rolname = current_user;";

__attribute__((format(printf, 2, 3))) static void give_reason(struct session *s, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)text_format(s->reason, sizeof s->reason, format, arguments);
    va_end(arguments);
}

void session_note(struct session *s, const char *reason)
{
    s->sqlstate[0] = '\0';
    give_reason(s, "%s", reason);
}

/* A failed connect gives no SQLSTATE but in its text, "FATAL:  53300: text", once its verbosity is set
 * so; of several attempts the last one counts. */
static void sqlstate_from_text(const char *text, char sqlstate[SQLSTATE_SIZE])
{
    const char *mark = text;

    while ((mark = strstr(mark, ":  ")) != NULL) {
        size_t len = 0;

        mark += 3;
        while (isupper((unsigned char)mark[len]) || isdigit((unsigned char)mark[len])) {
            len++;
        }
        if (len == SQLSTATE_SIZE - 1 && mark[len] == ':') {
            memcpy(sqlstate, mark, len);
            sqlstate[len] = '\0';
        }
    }
}

/* libpq tells of each address that it tried, with hints between them; the last one counts. */
static const char *last_attempt(const char *text)
{
    static const char begin[] = "\nconnection to server";
    const char *next;

    while ((next = strstr(text, begin)) != NULL) {
        text = next + 1;
    }
    return text;
}

void session_note_lost(struct session *s)
{
    const char *text = last_attempt(PQerrorMessage(s->connection));

    session_note(s, text[0] == '\0' ? "the connection was lost" : text);
    s->reason[strcspn(s->reason, "\n")] = '\0';
    sqlstate_from_text(text, s->sqlstate);
}

void session_note_result(struct session *s, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);

    (void)snprintf(s->sqlstate, sizeof s->sqlstate, "%s", sqlstate == NULL ? "" : sqlstate);
    give_reason(s, "%s%s%s", message == NULL ? "no message" : message,
                constraint == NULL ? "" : "; constraint ", constraint == NULL ? "" : constraint);
}

void session_note_unsynced(struct session *s)
{
    s->unsynced = true;
    s->sqlstate[0] = '\0';
    give_reason(s,
                "WORKER_REQUIRE_SYNC is 1, but synchronous_standby_names is empty at %s port %s: a commit "
                "doesn't wait for a standby",
                PQhost(s->connection), PQport(s->connection));
}

void session_note_silence(struct session *s, int64_t us)
{
    int seconds = (int)(us / CLOCK_US_PER_S);

    s->sqlstate[0] = '\0';
    if (s->connection == NULL) {
        give_reason(s, "the names of the database's hosts were not known within %d s", seconds);
    } else {
        give_reason(s, "the database at %s port %s did not answer within %d s", PQhost(s->connection),
                    PQport(s->connection), seconds);
    }
}

void session_open(struct session *s, const struct worker_settings *settings, const char *name, size_t turn)
{
    struct error error;

    *s = (struct session){.state = SESSION_RESOLVING, .settings = settings, .name = name, .turn = turn};
    if (reach_begin(&s->reach, settings->database.url, NAMES_US, &error) != ERROR_NONE) {
        session_note(s, error.text);
    }
}

static enum session_news failed(struct session *s)
{
    session_close(s);
    return verdict_is_no_place(s->sqlstate) ? SESSION_NO_PLACE : SESSION_FAILED;
}

static enum session_news lost(struct session *s)
{
    session_note_lost(s);
    return failed(s);
}

static enum error_code connect(struct session *s, struct error *error)
{
    struct buf password = {0};
    enum error_code code;
    /* Each wait of libpq's and the kernel's is bounded: a host that vanishes is noticed within 20 s. */
    const char *const keywords[] = {
        "password",
        "application_name",
        "client_encoding",
        "target_session_attrs",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
        "tcp_user_timeout",
        NULL,
    };
    const char *values[] = {NULL, s->name, "UTF8", "read-write", "10", "5", "2", "20000", NULL};

    secret_file_read(POSTGRES_PASSWORD, s->settings->database.password, &password);
    values[0] = buf_text(&password);
    code = reach_connect(s->reach, s->turn, keywords, values, &s->connection, error);
    secret_file_forget(&password);
    return code;
}

static enum session_news step_resolving(struct session *s)
{
    struct error error;

    if (s->reach == NULL) {
        return failed(s); /* the reason is noted */
    }
    if (!reach_is_known(s->reach, clock_monotonic_us())) {
        return SESSION_PENDING;
    }
    if (connect(s, &error) != ERROR_NONE) {
        session_note(s, error.text);
        return failed(s);
    }
    (void)PQsetErrorVerbosity(s->connection, PQERRORS_VERBOSE);
    s->state = SESSION_CONNECTING;
    s->polling = PGRES_POLLING_WRITING;
    return PQstatus(s->connection) == CONNECTION_BAD ? lost(s) : SESSION_PENDING; /* it has no socket then */
}

static bool send_statements(struct session *s)
{
    struct buf statements = {0};
    bool sent;

    buf_append_text(&statements, settle_in);
    upsert_append_statements(&statements);
    sent = !statements.failed && PQsetnonblocking(s->connection, 1) == 0 &&
           PQsendQuery(s->connection, buf_text(&statements)) == 1;
    buf_free(&statements);
    return sent;
}

static enum session_news step_connecting(struct session *s)
{
    struct pollfd ready = {.events = session_poll_events(s)};

    ready.fd = PQsocket(s->connection);
    if (poll(&ready, 1, 0) == 0) {
        return SESSION_PENDING; /* libpq would take an unconnected socket for a connected one */
    }
    s->polling = PQconnectPoll(s->connection);
    if (s->polling == PGRES_POLLING_FAILED) {
        return lost(s);
    }
    if (s->polling == PGRES_POLLING_OK) {
        s->state = SESSION_PREPARING;
        (void)PQsetErrorVerbosity(s->connection, PQERRORS_DEFAULT);
        if (!send_statements(s)) {
            return lost(s);
        }
    }
    return SESSION_PENDING;
}

/* False when the session can't be used. */
static bool read_result(struct session *s, const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        session_note_result(s, result);
        return false;
    }
    if (PQntuples(result) == 1) {
        s->budget = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
        s->superuser = PQgetvalue(result, 0, 1)[0] == 't';
        s->unsynced = s->settings->require_sync != 0 && PQgetvalue(result, 0, 2)[0] != 't';
    }
    return true;
}

static enum session_news opened(struct session *s)
{
    if (s->superuser || s->budget < 0) {
        session_close(s);
        return SESSION_UNFIT;
    }
    if (s->unsynced) {
        session_note_unsynced(s);
        return failed(s);
    }
    if (PQenterPipelineMode(s->connection) != 1) {
        return lost(s);
    }
    s->state = SESSION_OPEN;
    return SESSION_OPENED;
}

static enum session_news step_preparing(struct session *s)
{
    if (PQconsumeInput(s->connection) != 1 || PQflush(s->connection) < 0) {
        return lost(s);
    }
    while (PQisBusy(s->connection) == 0) {
        PGresult *result = PQgetResult(s->connection);
        bool good;

        if (result == NULL) {
            return opened(s);
        }
        good = read_result(s, result);
        PQclear(result);
        if (!good) {
            return failed(s);
        }
    }
    return SESSION_PENDING;
}

enum session_news session_step(struct session *s)
{
    switch (s->state) {
    case SESSION_RESOLVING:
        return step_resolving(s);
    case SESSION_CONNECTING:
        return step_connecting(s);
    case SESSION_PREPARING:
        return step_preparing(s);
    case SESSION_CLOSED:
    case SESSION_OPEN:
        break;
    }
    return SESSION_PENDING;
}

short session_poll_events(const struct session *s)
{
    return s->state == SESSION_CONNECTING && s->polling != PGRES_POLLING_READING ? POLLOUT : POLLIN;
}

int session_fd(const struct session *s)
{
    if (s->state == SESSION_RESOLVING) {
        return s->reach == NULL ? -1 : reach_fd(s->reach);
    }
    return s->connection == NULL ? -1 : PQsocket(s->connection);
}

bool session_alive(struct session *s)
{
    /* Nothing is awaited: input can only be a notice, or the end of the connection. */
    if (PQconsumeInput(s->connection) == 1 && PQstatus(s->connection) == CONNECTION_OK) {
        (void)PQisBusy(s->connection); /* makes libpq parse it */
        if (PQstatus(s->connection) == CONNECTION_OK) {
            return true;
        }
    }
    session_note_lost(s);
    return false;
}

void session_close(struct session *s)
{
    reach_end(s->reach);
    s->reach = NULL;
    PQfinish(s->connection);
    s->connection = NULL;
    s->state = SESSION_CLOSED;
}

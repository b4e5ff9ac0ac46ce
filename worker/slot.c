/* SPDX-License-Identifier: MIT */
#include "slot.h"

#include "clock.h"
#include "upsert.h"

#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_DEADLINE_US (5 * CLOCK_US_PER_S)
/* Twice the role's statement_timeout: the server should have spoken long before. */
#define BATCH_DEADLINE_US (60 * CLOCK_US_PER_S)

struct slot {
    enum slot_state state;
    const struct worker_settings *settings;
    const char *worker;
    PGconn *connection; /* NULL only in SLOT_CLOSED */
    PostgresPollingStatusType polling;
    bool wants_write;
    struct batch batch;
    struct event **run; /* those of the batch that are under way */
    size_t run_count;
    size_t answered; /* statements of the run, or of the preparation, that have an answer */
    size_t synced;   /* syncs that have come */
    size_t syncs;    /* syncs that were sent */
    bool failed;     /* something in the current transaction failed: sqlstate and reason say what */
    int64_t budget;
    bool superuser;
    int64_t deadline_us;
    int64_t ready_since_us;
    char sqlstate[SQLSTATE_SIZE];
    char reason[512];
    struct buf scratch;
};

/* Session settings are given again although the role has them: a managed server's role may
 * not. Each is a statement; the last one asks for the budget. */
static const char *const preparation[] = {
    "set synchronous_commit = on",
    "set statement_timeout = '30s'",
    "set lock_timeout = '10s'",
    "set idle_in_transaction_session_timeout = '30s'",
    "set client_min_messages = error",
    "select rolconnlimit, rolsuper from pg_roles where rolname = current_user",
};
#define PREPARATION (sizeof preparation / sizeof preparation[0])

enum error_code slot_new(struct slot **slot, const struct worker_settings *settings, const char *worker,
                         struct error *error)
{
    struct slot *s = calloc(1, sizeof *s);
    enum error_code code;

    *slot = NULL;
    if (s == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for a database connection");
    }
    code = batch_init(&s->batch, (size_t)settings->batch_events, (size_t)settings->batch_bytes, error);
    s->run = calloc((size_t)settings->batch_events, sizeof(struct event *));
    if (code == ERROR_NONE && s->run == NULL) {
        code = error_set(error, ERROR_MEMORY, "no memory for a batch");
    }
    if (code != ERROR_NONE) {
        slot_free(s);
        return code;
    }
    s->settings = settings;
    s->worker = worker;
    s->deadline_us = INT64_MAX;
    *slot = s;
    return ERROR_NONE;
}

/* --- errors --------------------------------------------------------------------- */

/* A failed connect gives no SQLSTATE but in its text, "FATAL:  53300", once its verbosity is set
 * so; after several attempts the last one counts. */
static void sqlstate_from_text(const char *text, char sqlstate[SQLSTATE_SIZE])
{
    const char *mark = text;

    sqlstate[0] = '\0';
    while ((mark = strstr(mark, ":  ")) != NULL) {
        size_t len = 0;

        mark += 3;
        while (isupper((unsigned char)mark[len]) || isdigit((unsigned char)mark[len])) {
            len++;
        }
        if (len == SQLSTATE_SIZE - 1) {
            memcpy(sqlstate, mark, len);
            sqlstate[len] = '\0';
        }
    }
}

static void note_text(struct slot *s, const char *text)
{
    size_t len = strcspn(text, "\n");

    (void)snprintf(s->reason, sizeof s->reason, "%.*s", (int)len, text);
}

static void note_connection_error(struct slot *s)
{
    const char *text = PQerrorMessage(s->connection);

    sqlstate_from_text(text, s->sqlstate);
    note_text(s, text[0] == '\0' ? "the connection was lost" : text);
}

/* The server's sentence and the names of what it is about, without DETAIL, which quotes the row. */
static void note_result_error(struct slot *s, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);

    (void)snprintf(s->sqlstate, sizeof s->sqlstate, "%s", sqlstate == NULL ? "" : sqlstate);
    (void)snprintf(s->reason, sizeof s->reason, "%s%s%s",
                   message == NULL ? PQerrorMessage(s->connection) : message,
                   constraint == NULL ? "" : "; constraint ", constraint == NULL ? "" : constraint);
}

/* --- opening and closing ----------------------------------------------------------- */

static void set_state(struct slot *s, enum slot_state state, int64_t now_us)
{
    s->state = state;
    switch (state) {
    case SLOT_CLOSED:
        s->deadline_us = INT64_MAX;
        break;
    case SLOT_CONNECTING:
        s->deadline_us = now_us + CONNECT_DEADLINE_US;
        break;
    case SLOT_READY:
        s->deadline_us = INT64_MAX;
        s->ready_since_us = now_us;
        break;
    case SLOT_PREPARING:
    case SLOT_STORING:
    case SLOT_SINGLY:
    case SLOT_BURYING:
        s->deadline_us = now_us + BATCH_DEADLINE_US;
        break;
    }
}

void slot_open(struct slot *s, int64_t now_us)
{
    const char *const keywords[] = {"dbname",
                                    "password",
                                    "application_name",
                                    "client_encoding",
                                    "target_session_attrs",
                                    "keepalives_idle",
                                    "keepalives_interval",
                                    "keepalives_count",
                                    "tcp_user_timeout",
                                    NULL};
    const char *const values[] = {s->settings->database_url,
                                  s->settings->database_password,
                                  s->worker,
                                  "UTF8",
                                  "read-write",
                                  "10",
                                  "5",
                                  "2",
                                  "20000",
                                  NULL};

    set_state(s, SLOT_CONNECTING, now_us);
    s->sqlstate[0] = '\0';
    s->connection = PQconnectStartParams(keywords, values, 1);
    if (s->connection != NULL) {
        (void)PQsetErrorVerbosity(s->connection, PQERRORS_SQLSTATE);
    }
    s->polling = PGRES_POLLING_WRITING;
}

static void disconnect(struct slot *s)
{
    PQfinish(s->connection); /* the server ends what is under way: client_connection_check_interval */
    s->connection = NULL;
    set_state(s, SLOT_CLOSED, 0);
}

static enum slot_news not_opened(struct slot *s)
{
    disconnect(s);
    return verdict_is_no_place(s->sqlstate) ? SLOT_NO_PLACE : SLOT_NOT_OPENED;
}

/* The first event of the run whose transaction has not ended for certain. */
static size_t first_unsure(const struct slot *s)
{
    switch (s->state) {
    case SLOT_STORING:
        return 0;
    case SLOT_SINGLY:
    case SLOT_BURYING:
        return s->synced;
    case SLOT_CLOSED:
    case SLOT_CONNECTING:
    case SLOT_PREPARING:
    case SLOT_READY:
        break;
    }
    return s->run_count;
}

/* What has no answer may be stored or not; the merge makes the same again harmless. */
static enum slot_news lost(struct slot *s)
{
    for (size_t i = first_unsure(s); i < s->run_count; i++) {
        s->run[i]->state = s->run[i]->malformed ? EVENT_FAILED : EVENT_WAITING;
    }
    for (size_t i = 0; i < s->batch.count; i++) {
        struct event *event = s->batch.events[i];

        if (!event_settled(event) && !event->malformed) {
            event_fail(event, VERDICT_TRANSIENT, s->sqlstate, s->reason);
        }
    }
    disconnect(s);
    return SLOT_LOST;
}

static bool begin_transactions(struct slot *s)
{
    s->answered = 0;
    s->synced = 0;
    s->syncs = 0;
    s->failed = false;
    return s->connection != NULL;
}

static bool send_sync(struct slot *s)
{
    s->syncs++;
    return PQpipelineSync(s->connection) == 1;
}

static bool send_preparation(struct slot *s)
{
    bool sent = begin_transactions(s) && PQsetnonblocking(s->connection, 1) == 0 &&
                PQenterPipelineMode(s->connection) == 1;

    (void)PQsetErrorVerbosity(s->connection, PQERRORS_DEFAULT);
    for (size_t i = 0; sent && i < PREPARATION; i++) {
        sent = PQsendQueryParams(s->connection, preparation[i], 0, NULL, NULL, NULL, NULL, 0) == 1;
    }
    return sent && upsert_prepare(s->connection) && send_sync(s);
}

static enum slot_news step_connecting(struct slot *s, int64_t now_us)
{
    if (s->connection == NULL) {
        note_text(s, "no memory for a connection to the database");
        return not_opened(s);
    }
    s->polling = PQconnectPoll(s->connection);
    if (s->polling == PGRES_POLLING_FAILED) {
        note_connection_error(s);
        return not_opened(s);
    }
    if (s->polling == PGRES_POLLING_OK) {
        set_state(s, SLOT_PREPARING, now_us);
        if (!send_preparation(s)) {
            note_connection_error(s);
            return not_opened(s);
        }
    }
    return SLOT_NOTHING;
}

/* --- sending a batch ----------------------------------------------------------------- */

static bool send_one(struct slot *s, const struct event *event)
{
    return s->state == SLOT_BURYING ? upsert_send_dead(s->connection, event, s->worker, &s->scratch)
                                    : upsert_send(s->connection, event, &s->scratch);
}

/* Sends the run: as one transaction, or with a sync after each. What the socket doesn't take stays in libpq's
 * buffer, which holds one batch at most. */
static bool send_run(struct slot *s)
{
    bool sent = begin_transactions(s);

    for (size_t i = 0; sent && i < s->run_count; i++) {
        sent = send_one(s, s->run[i]) && (s->state == SLOT_STORING || send_sync(s));
    }
    if (sent && s->state == SLOT_STORING) {
        sent = send_sync(s);
    }
    return sent;
}

/* Whether an event of the batch belongs to the run of this state. */
static bool in_run(enum slot_state state, const struct event *event)
{
    if (state == SLOT_BURYING) {
        return event->state == EVENT_FAILED &&
               (event->verdict == VERDICT_POISON || event->verdict == VERDICT_LATER);
    }
    return event->state == EVENT_WAITING;
}

/* Goes to this state with the events that belong there; on to the next one when there are none. */
static enum slot_news begin_run(struct slot *s, enum slot_state state, int64_t now_us)
{
    set_state(s, state, now_us);
    s->run_count = 0;
    for (size_t i = 0; i < s->batch.count; i++) {
        if (in_run(state, s->batch.events[i])) {
            s->run[s->run_count++] = s->batch.events[i];
        }
    }
    if (s->run_count == 0) {
        if (state != SLOT_BURYING) {
            return begin_run(s, SLOT_BURYING, now_us);
        }
        set_state(s, SLOT_READY, now_us);
        return SLOT_FINISHED;
    }
    if (!send_run(s)) {
        note_connection_error(s);
        return lost(s);
    }
    return SLOT_NOTHING;
}

void slot_store(struct slot *s, struct backlog *backlog, int64_t now_us)
{
    batch_take(&s->batch, backlog);
    for (size_t i = 0; i < s->batch.count; i++) {
        if (!s->batch.events[i]->malformed) {
            s->batch.events[i]->state = EVENT_WAITING;
        }
    }
    set_state(s, SLOT_STORING, now_us);
    s->run_count = 0; /* slot_step sends it: so that its outcome has one way to be told */
    s->syncs = 0;
}

/* --- reading answers ------------------------------------------------------------------- */

/* After a batch was sent as one transaction. */
static enum slot_news batch_answered(struct slot *s, int64_t now_us)
{
    if (!s->failed) {
        return begin_run(s, SLOT_BURYING, now_us);
    }
    for (size_t i = 0; i < s->run_count; i++) {
        s->run[i]->state = EVENT_WAITING; /* whatever it was told: nothing was committed */
    }
    if (verdict_of(s->sqlstate) == VERDICT_TRANSIENT) {
        for (size_t i = 0; i < s->run_count; i++) {
            event_fail(s->run[i], VERDICT_TRANSIENT, s->sqlstate, s->reason);
        }
        return begin_run(s, SLOT_BURYING, now_us);
    }
    return begin_run(s, SLOT_SINGLY, now_us);
}

/* Settles the unclear ones among run[from..to), all of one source. */
static void settle_verdicts(struct slot *s, size_t from, size_t to)
{
    bool neighbour_stored = false;

    for (size_t i = from; i < to; i++) {
        neighbour_stored = neighbour_stored || event_settled(s->run[i]);
    }
    for (size_t i = from; i < to; i++) {
        if (s->run[i]->state == EVENT_FAILED) {
            s->run[i]->verdict = verdict_settle(s->run[i]->sqlstate, neighbour_stored);
        }
    }
}

/* After each event had its own transaction. The run is sorted by source. */
static enum slot_news singles_answered(struct slot *s, int64_t now_us)
{
    for (size_t from = 0, to; from < s->run_count; from = to) {
        for (to = from + 1;
             to < s->run_count && span_equal(s->run[from]->envelope.source, s->run[to]->envelope.source);) {
            to++;
        }
        settle_verdicts(s, from, to);
    }
    return begin_run(s, SLOT_BURYING, now_us);
}

static enum slot_news run_answered(struct slot *s, int64_t now_us)
{
    switch (s->state) {
    case SLOT_PREPARING:
        if (s->failed) {
            return not_opened(s);
        }
        if (s->superuser || s->budget < 0) {
            disconnect(s);
            return SLOT_UNFIT;
        }
        set_state(s, SLOT_READY, now_us);
        return SLOT_OPENED;
    case SLOT_STORING:
        return batch_answered(s, now_us);
    case SLOT_SINGLY:
        return singles_answered(s, now_us);
    case SLOT_BURYING:
        set_state(s, SLOT_READY, now_us);
        return SLOT_FINISHED;
    case SLOT_CLOSED:
    case SLOT_CONNECTING:
    case SLOT_READY:
        break;
    }
    return SLOT_NOTHING;
}

/* An event of the run was answered well; nothing is certain before its sync. */
static void event_answered(struct slot *s, struct event *event, const PGresult *result)
{
    event->state = s->state == SLOT_BURYING ? EVENT_DEAD : upsert_outcome(result);
}

/* What an error means for the event whose own transaction it ended. A dead letter that
 * can't be written is never the event's fault: it must not be lost. */
static void event_refused(struct slot *s, struct event *event)
{
    enum verdict verdict = verdict_of(s->sqlstate);

    if (s->state == SLOT_BURYING && verdict != VERDICT_TRANSIENT) {
        verdict = VERDICT_OPERATOR;
    }
    event_fail(event, verdict, s->sqlstate, s->reason);
}

static void read_answer(struct slot *s, const PGresult *result)
{
    bool single = s->state == SLOT_SINGLY || s->state == SLOT_BURYING;
    /* In a transaction of its own, an event may be refused by its statement or, by a
     * deferred constraint, at its sync. */
    size_t index = single ? s->synced : s->answered;

    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        if (s->state == SLOT_PREPARING) {
            if (s->answered == PREPARATION - 1 && PQntuples(result) == 1) {
                s->budget = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
                s->superuser = PQgetvalue(result, 0, 1)[0] == 't';
            }
        } else if (index < s->run_count) {
            event_answered(s, s->run[index], result);
        }
        s->answered++;
        break;
    case PGRES_PIPELINE_SYNC:
        s->synced++;
        break;
    case PGRES_PIPELINE_ABORTED:
        s->answered++;
        break;
    default:
        if (!s->failed || single) {
            note_result_error(s, result);
        }
        s->failed = true;
        s->answered++;
        if (single && index < s->run_count) {
            event_refused(s, s->run[index]);
        }
    }
}

static enum slot_news step_talking(struct slot *s, int64_t now_us)
{
    int unsent;

    if (PQconsumeInput(s->connection) != 1) {
        goto broken;
    }
    while (s->synced < s->syncs && PQisBusy(s->connection) == 0) {
        PGresult *result = PQgetResult(s->connection); /* NULL ends a statement's results */

        if (result != NULL) {
            read_answer(s, result);
            PQclear(result);
        } else if (PQstatus(s->connection) == CONNECTION_BAD) {
            goto broken;
        }
    }
    if (s->synced == s->syncs) {
        enum slot_news news = run_answered(s, now_us);

        if (news != SLOT_NOTHING) {
            return news;
        }
    }
    unsent = PQflush(s->connection);
    if (unsent < 0 || PQstatus(s->connection) == CONNECTION_BAD) {
        goto broken;
    }
    s->wants_write = unsent > 0;
    return SLOT_NOTHING;

broken:
    /* A result may have said why ("terminating connection ..."): that is better than "closed". */
    if (!s->failed) {
        note_connection_error(s);
    }
    return s->state == SLOT_PREPARING ? not_opened(s) : lost(s);
}

static enum slot_news step_ready(struct slot *s)
{
    /* Nothing is awaited: input can only be a notice, or the end of the connection. */
    if (PQconsumeInput(s->connection) == 1 && PQstatus(s->connection) == CONNECTION_OK) {
        (void)PQisBusy(s->connection); /* makes libpq parse it */
        if (PQstatus(s->connection) == CONNECTION_OK) {
            return SLOT_NOTHING;
        }
    }
    note_connection_error(s);
    return lost(s);
}

static enum slot_news give_up(struct slot *s)
{
    (void)snprintf(s->sqlstate, sizeof s->sqlstate, "%s", "");
    note_text(s, "the database did not answer before the deadline");
    return s->state == SLOT_CONNECTING || s->state == SLOT_PREPARING ? not_opened(s) : lost(s);
}

enum slot_news slot_step(struct slot *s, int64_t now_us)
{
    if (s->state != SLOT_CLOSED && now_us >= s->deadline_us) {
        return give_up(s);
    }
    switch (s->state) {
    case SLOT_CLOSED:
        return SLOT_NOTHING;
    case SLOT_CONNECTING:
        return step_connecting(s, now_us);
    case SLOT_READY:
        return step_ready(s);
    case SLOT_STORING:
        if (s->syncs == 0) {
            enum slot_news news = begin_run(s, SLOT_STORING, now_us);

            if (news != SLOT_NOTHING) {
                return news;
            }
        }
        return step_talking(s, now_us);
    case SLOT_PREPARING:
    case SLOT_SINGLY:
    case SLOT_BURYING:
        return step_talking(s, now_us);
    }
    return SLOT_NOTHING;
}

struct batch *slot_batch(struct slot *s)
{
    return &s->batch;
}

enum slot_state slot_state(const struct slot *s)
{
    return s->state;
}

int slot_fd(const struct slot *s)
{
    return s->connection == NULL ? -1 : PQsocket(s->connection);
}

short slot_poll_events(const struct slot *s)
{
    if (s->state == SLOT_CONNECTING) {
        return s->polling == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    }
    return s->wants_write ? POLLIN | POLLOUT : POLLIN;
}

int64_t slot_deadline_us(const struct slot *s)
{
    return s->deadline_us;
}

int64_t slot_ready_since_us(const struct slot *s)
{
    return s->ready_since_us;
}

const char *slot_sqlstate(const struct slot *s)
{
    return s->sqlstate;
}

const char *slot_reason(const struct slot *s)
{
    return s->reason;
}

int64_t slot_budget(const struct slot *s)
{
    return s->budget;
}

void slot_close(struct slot *s)
{
    if (s->state != SLOT_CLOSED) {
        note_text(s, "the connection was closed");
        (void)lost(s);
    }
}

void slot_free(struct slot *s)
{
    if (s == NULL) {
        return;
    }
    slot_close(s);
    batch_free(&s->batch);
    buf_free(&s->scratch);
    free(s->run);
    free(s);
}

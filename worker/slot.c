/* SPDX-License-Identifier: MIT */
#include "slot.h"

#include "clock.h"
#include "session.h"
#include "upsert.h"

#include <poll.h>
#include <stdlib.h>

#define OPENING_DEADLINE_US (5 * CLOCK_US_PER_S)
/* Twice the role's statement_timeout: the server should have spoken long before. */
#define BATCH_DEADLINE_US (60 * CLOCK_US_PER_S)

struct slot {
    enum slot_state state;
    const struct worker_settings *settings;
    const char *worker;
    struct session session;
    bool wants_write;
    struct batch batch;
    struct event **run; /* those of the batch that are under way */
    size_t run_count;
    size_t answered; /* statements of the run that have an answer */
    size_t synced;   /* syncs that have come */
    size_t syncs;    /* syncs that were sent */
    bool failed;     /* something in the current transaction failed: the session says what */
    int64_t deadline_us;
    int64_t ready_since_us;
    struct buf scratch;
};

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

/* --- opening and closing ----------------------------------------------------------- */

static void set_state(struct slot *s, enum slot_state state, int64_t now_us)
{
    s->state = state;
    switch (state) {
    case SLOT_CLOSED:
        s->deadline_us = INT64_MAX;
        break;
    case SLOT_OPENING:
        s->deadline_us = now_us + OPENING_DEADLINE_US;
        break;
    case SLOT_READY:
        s->deadline_us = INT64_MAX;
        s->ready_since_us = now_us;
        break;
    case SLOT_STORING:
    case SLOT_SINGLY:
    case SLOT_BURYING:
        s->deadline_us = now_us + BATCH_DEADLINE_US;
        break;
    }
}

void slot_open(struct slot *s, int64_t now_us)
{
    set_state(s, SLOT_OPENING, now_us);
    session_open(&s->session, s->settings, s->worker);
}

static void disconnect(struct slot *s)
{
    session_close(&s->session);
    set_state(s, SLOT_CLOSED, 0);
}

static enum slot_news step_opening(struct slot *s, int64_t now_us)
{
    switch (session_step(&s->session)) {
    case SESSION_PENDING:
        return SLOT_NOTHING;
    case SESSION_OPENED:
        set_state(s, SLOT_READY, now_us);
        return SLOT_OPENED;
    case SESSION_NO_PLACE:
        disconnect(s);
        return SLOT_NO_PLACE;
    case SESSION_FAILED:
        disconnect(s);
        return SLOT_NOT_OPENED;
    case SESSION_UNFIT:
        disconnect(s);
        return SLOT_UNFIT;
    }
    return SLOT_NOTHING;
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
    case SLOT_OPENING:
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
            event_fail(event, VERDICT_TRANSIENT, s->session.sqlstate, s->session.reason);
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
    return s->session.connection != NULL;
}

static bool send_sync(struct slot *s)
{
    s->syncs++;
    return PQpipelineSync(s->session.connection) == 1;
}

/* --- sending a batch ----------------------------------------------------------------- */

static bool send_one(struct slot *s, const struct event *event)
{
    return s->state == SLOT_BURYING ? upsert_send_dead(s->session.connection, event, s->worker, &s->scratch)
                                    : upsert_send(s->session.connection, event, &s->scratch);
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
        session_note_lost(&s->session);
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
    if (verdict_of(s->session.sqlstate) == VERDICT_TRANSIENT) {
        for (size_t i = 0; i < s->run_count; i++) {
            event_fail(s->run[i], VERDICT_TRANSIENT, s->session.sqlstate, s->session.reason);
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
    case SLOT_STORING:
        return batch_answered(s, now_us);
    case SLOT_SINGLY:
        return singles_answered(s, now_us);
    case SLOT_BURYING:
        set_state(s, SLOT_READY, now_us);
        return SLOT_FINISHED;
    case SLOT_CLOSED:
    case SLOT_OPENING:
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
    enum verdict verdict = verdict_of(s->session.sqlstate);

    if (s->state == SLOT_BURYING && verdict != VERDICT_TRANSIENT) {
        verdict = VERDICT_OPERATOR;
    }
    event_fail(event, verdict, s->session.sqlstate, s->session.reason);
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
        if (index < s->run_count) {
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
            session_note_result(&s->session, result);
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

    if (PQconsumeInput(s->session.connection) != 1) {
        goto broken;
    }
    while (s->synced < s->syncs && PQisBusy(s->session.connection) == 0) {
        PGresult *result = PQgetResult(s->session.connection); /* NULL ends a statement's results */

        if (result != NULL) {
            read_answer(s, result);
            PQclear(result);
        } else if (PQstatus(s->session.connection) == CONNECTION_BAD) {
            goto broken;
        }
    }
    if (s->synced == s->syncs) {
        enum slot_news news = run_answered(s, now_us);

        if (news != SLOT_NOTHING) {
            return news;
        }
    }
    unsent = PQflush(s->session.connection);
    if (unsent < 0 || PQstatus(s->session.connection) == CONNECTION_BAD) {
        goto broken;
    }
    s->wants_write = unsent > 0;
    return SLOT_NOTHING;

broken:
    /* A result may have said why ("terminating connection ..."): that is better than "closed". */
    if (!s->failed) {
        session_note_lost(&s->session);
    }
    return lost(s);
}

static enum slot_news step_ready(struct slot *s)
{
    /* Nothing is awaited: input can only be a notice, or the end of the connection. */
    if (PQconsumeInput(s->session.connection) == 1 && PQstatus(s->session.connection) == CONNECTION_OK) {
        (void)PQisBusy(s->session.connection); /* makes libpq parse it */
        if (PQstatus(s->session.connection) == CONNECTION_OK) {
            return SLOT_NOTHING;
        }
    }
    session_note_lost(&s->session);
    return lost(s);
}

static enum slot_news give_up(struct slot *s)
{
    session_note(&s->session, "the database did not answer before the deadline");
    if (s->state == SLOT_OPENING) {
        disconnect(s);
        return SLOT_NOT_OPENED;
    }
    return lost(s);
}

enum slot_news slot_step(struct slot *s, int64_t now_us)
{
    if (s->state != SLOT_CLOSED && now_us >= s->deadline_us) {
        return give_up(s);
    }
    switch (s->state) {
    case SLOT_CLOSED:
        return SLOT_NOTHING;
    case SLOT_OPENING:
        return step_opening(s, now_us);
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
    return s->session.connection == NULL ? -1 : PQsocket(s->session.connection);
}

short slot_poll_events(const struct slot *s)
{
    if (s->state == SLOT_OPENING) {
        return session_poll_events(&s->session);
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
    return s->session.sqlstate;
}

const char *slot_reason(const struct slot *s)
{
    return s->session.reason;
}

int64_t slot_budget(const struct slot *s)
{
    return s->session.budget;
}

void slot_close(struct slot *s)
{
    if (s->state != SLOT_CLOSED) {
        session_note(&s->session, "the connection was closed");
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

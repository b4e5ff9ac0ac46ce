/* SPDX-License-Identifier: MIT */
#include "run.h"

#include "upsert.h"

#include <stdlib.h>

enum error_code run_init(struct run *r, size_t most_events, int64_t tiers, const char *worker,
                         struct error *error)
{
    *r = (struct run){.tiers = tiers, .worker = worker};
    r->events = calloc(most_events, sizeof(struct event *));
    return r->events == NULL ? error_set(error, ERROR_MEMORY, "no memory for a batch") : ERROR_NONE;
}

void run_free(struct run *r)
{
    buf_free(&r->scratch);
    free(r->events);
    *r = (struct run){0};
}

/* --- sending ----------------------------------------------------------------------- */

static bool belongs(const struct run *r, enum run_kind kind, const struct event *event)
{
    if (kind != RUN_BURY) {
        return event->state == EVENT_WAITING;
    }
    return event->state == EVENT_FAILED &&
           (event->verdict == VERDICT_POISON ||
            (event->verdict == VERDICT_LATER && event->envelope.attempt >= r->tiers));
}

bool run_select(struct run *r, enum run_kind kind, const struct batch *batch)
{
    r->kind = kind;
    r->count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        if (belongs(r, kind, batch->events[i])) {
            r->events[r->count++] = batch->events[i];
        }
    }
    return r->count > 0;
}

static bool send_one(struct run *r, struct session *session, const struct event *event)
{
    return r->kind == RUN_BURY ? upsert_send_dead(session->connection, event, r->worker, &r->scratch)
                               : upsert_send(session->connection, event, &r->scratch);
}

static bool send_sync(struct run *r, struct session *session)
{
    r->syncs++;
    return PQpipelineSync(session->connection) == 1;
}

/* What the socket doesn't take stays in libpq's buffer, which holds one batch at most. */
bool run_send(struct run *r, struct session *session)
{
    bool sent = session->connection != NULL;

    r->answered = 0;
    r->synced = 0;
    r->syncs = 0;
    r->failed = false;
    for (size_t i = 0; sent && i < r->count; i++) {
        sent = send_one(r, session, r->events[i]) && (r->kind == RUN_TOGETHER || send_sync(r, session));
    }
    if (sent && r->kind == RUN_TOGETHER) {
        sent = send_sync(r, session);
    }
    if (!sent) {
        session_note_lost(session);
    }
    return sent;
}

/* --- reading ----------------------------------------------------------------------- */

/* An event of the run was answered well; nothing is certain before its sync. */
static void accept_event(const struct run *r, struct event *event, const PGresult *result)
{
    event->state = r->kind == RUN_BURY ? EVENT_DEAD : upsert_outcome(result);
}

/* What an error means for the event whose own transaction it ended. A dead letter that
 * can't be written is never the event's fault: it must not be lost. */
static void refuse_event(const struct run *r, struct event *event, const struct session *session)
{
    enum verdict verdict = verdict_of(session->sqlstate);

    if (r->kind == RUN_BURY && verdict != VERDICT_TRANSIENT) {
        verdict = VERDICT_OPERATOR;
    }
    event_fail(event, verdict, session->sqlstate, session->reason);
}

static void read_answer(struct run *r, struct session *session, const PGresult *result)
{
    bool single = r->kind != RUN_TOGETHER;
    /* In a transaction of its own, an event may be refused by its statement or, by a
     * deferred constraint, at its sync. */
    size_t index = single ? r->synced : r->answered;

    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        if (index < r->count) {
            accept_event(r, r->events[index], result);
        }
        r->answered++;
        break;
    case PGRES_PIPELINE_SYNC:
        r->synced++;
        r->failed = r->failed && !single; /* of its own transaction only */
        break;
    case PGRES_PIPELINE_ABORTED:
        r->answered++;
        break;
    default:
        if (!r->failed || single) {
            session_note_result(session, result);
        }
        r->failed = true;
        r->answered++;
        if (single && index < r->count) {
            refuse_event(r, r->events[index], session);
        }
    }
}

static bool is_broken(const struct session *session)
{
    return PQstatus(session->connection) == CONNECTION_BAD;
}

/* False when the connection is gone. */
static bool read_answers(struct run *r, struct session *session)
{
    if (PQconsumeInput(session->connection) != 1) {
        return false;
    }
    while (r->synced < r->syncs && PQisBusy(session->connection) == 0) {
        PGresult *result = PQgetResult(session->connection); /* NULL ends a statement's results */

        if (result != NULL) {
            read_answer(r, session, result);
            PQclear(result);
        } else if (is_broken(session)) {
            return false;
        }
    }
    return true;
}

enum run_progress run_step(struct run *r, struct session *session)
{
    int unsent = -1;

    if (read_answers(r, session)) {
        if (r->synced == r->syncs) {
            r->unsent = false;
            return RUN_ANSWERED;
        }
        unsent = PQflush(session->connection);
    }
    if (unsent < 0 || is_broken(session)) {
        /* A result may have said why ("terminating connection ..."): that is better than "closed". */
        if (!r->failed) {
            session_note_lost(session);
        }
        return RUN_BROKEN;
    }
    r->unsent = unsent > 0;
    return RUN_PENDING;
}

/* --- what the answers mean ----------------------------------------------------------- */

static enum run_kind settle_together(struct run *r, const struct session *session)
{
    bool transient = r->failed && verdict_of(session->sqlstate) == VERDICT_TRANSIENT;

    for (size_t i = 0; r->failed && i < r->count; i++) {
        r->events[i]->state = EVENT_WAITING; /* whatever it was told: nothing was committed */
        if (transient) {
            event_fail(r->events[i], VERDICT_TRANSIENT, session->sqlstate, session->reason);
        }
    }
    return r->failed && !transient ? RUN_SINGLY : RUN_BURY;
}

/* Settles the unclear ones among events[from..to), all of one source. */
static void settle_source(struct run *r, size_t from, size_t to)
{
    bool neighbour_stored = false;

    for (size_t i = from; i < to; i++) {
        neighbour_stored = neighbour_stored || event_settled(r->events[i]);
    }
    for (size_t i = from; i < to; i++) {
        if (r->events[i]->state == EVENT_FAILED) {
            r->events[i]->verdict = verdict_settle(r->events[i]->sqlstate, neighbour_stored);
        }
    }
}

/* The run is sorted by source. */
static void settle_singly(struct run *r)
{
    for (size_t from = 0, to; from < r->count; from = to) {
        for (to = from + 1;
             to < r->count && span_equal(r->events[from]->envelope.source, r->events[to]->envelope.source);) {
            to++;
        }
        settle_source(r, from, to);
    }
}

enum run_kind run_settle(struct run *r, const struct session *session)
{
    switch (r->kind) {
    case RUN_TOGETHER:
        return settle_together(r, session);
    case RUN_SINGLY:
        settle_singly(r);
        return RUN_BURY;
    case RUN_BURY:
        r->count = 0; /* the caller's from here on */
        break;
    }
    return RUN_BURY;
}

void run_lost(struct run *r, struct batch *batch, const struct session *session)
{
    /* The first event whose transaction has not ended for certain. */
    for (size_t i = r->kind == RUN_TOGETHER ? 0 : r->synced; i < r->count; i++) {
        r->events[i]->state = r->events[i]->malformed ? EVENT_FAILED : EVENT_WAITING;
    }
    for (size_t i = 0; i < batch->count; i++) {
        struct event *event = batch->events[i];

        if (!event_settled(event) && !event->malformed) {
            event_fail(event, VERDICT_TRANSIENT, session->sqlstate, session->reason);
        }
    }
    r->count = 0;
}

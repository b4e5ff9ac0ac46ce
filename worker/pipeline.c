/* SPDX-License-Identifier: MIT */
#include "pipeline.h"

#include "upsert.h"

#include <stdlib.h>
#include <string.h>

#define NONE SIZE_MAX

enum error_code pipeline_init(struct pipeline *p, size_t most_events, int64_t tiers, const char *worker,
                              bool guarded, struct error *error)
{
    *p = (struct pipeline){.worker = worker};
    return plan_init(&p->plan, most_events, tiers, guarded, error);
}

void pipeline_free(struct pipeline *p)
{
    buf_free(&p->scratch);
    rows_free(&p->rows);
    plan_free(&p->plan);
    *p = (struct pipeline){0};
}

bool pipeline_plan(struct pipeline *p, const struct batch *batch, size_t most, bool together, uint64_t stored)
{
    p->stored_before = stored;
    return plan_batch(&p->plan, batch, most, together);
}

void pipeline_plan_question(struct pipeline *p)
{
    plan_question(&p->plan);
}

/* --- sending ------------------------------------------------------------------------- */

static bool send_item(struct pipeline *p, PGconn *connection, const struct plan_item *item)
{
    switch (item->kind) {
    case PLAN_EVENTS:
        return item->buries ? upsert_send_dead(connection, item->events[0], p->worker, &p->scratch)
                            : upsert_send(connection, item->events, item->count, &p->rows, &p->scratch);
    case PLAN_TIME:
        return upsert_send_time(connection, p->plan.is_short);
    case PLAN_NO_FLUSH:
        return upsert_send_wait_for_disk(connection, false);
    case PLAN_FLUSH_ON:
        return upsert_send_wait_for_disk(connection, true);
    case PLAN_FLUSH:
        return upsert_send_flush(connection);
    case PLAN_GUARD:
        return upsert_ask_synchronous(connection);
    case PLAN_QUESTION:
        return upsert_ask_dead_rows(connection);
    }
    return false;
}

/* Data that the socket does not accept stays in libpq's buffer: one batch at most. */
bool pipeline_send(struct pipeline *p, struct session *session)
{
    bool sent = session->connection != NULL;

    p->result = (struct pipeline_result){.dead_rows = -1};
    p->at = p->begin = p->plan.first;
    p->struck = NONE;
    for (size_t i = p->at; sent && i < p->plan.count; i++) {
        sent = send_item(p, session->connection, &p->plan.items[i]) &&
               (!p->plan.items[i].ends || PQpipelineSync(session->connection) == 1);
    }
    if (!sent) {
        session_note_lost(session);
    }
    return sent;
}

/* --- reading ------------------------------------------------------------------------- */

/* The last item of the segment that begins at `begin`. */
static size_t segment_last(const struct pipeline *p)
{
    size_t last = p->begin;

    while (!p->plan.items[last].ends) {
        last++;
    }
    return last;
}

/* Notes a successful answer. It is provisional until the segment's sync. */
static void accept_item(struct pipeline *p, const PGresult *result)
{
    const struct plan_item *item = &p->plan.items[p->at];

    if (item->buries) {
        item->events[0]->state = EVENT_DEAD;
    } else if (item->count > 0) {
        upsert_outcomes(result, item->events, item->count);
    } else if (item->kind == PLAN_QUESTION) {
        p->result.dead_rows = upsert_dead_rows(result);
    }
}

static void note_strike(struct pipeline *p, const struct session *session)
{
    struct pipeline_result *result = &p->result;

    result->strikes++;
    result->timeout = result->timeout || verdict_is_timeout(session->sqlstate);
    result->servers = result->servers || verdict_is_servers(session->sqlstate);
    result->verdict = verdict_of(session->sqlstate);
    memcpy(result->sqlstate, session->sqlstate, sizeof result->sqlstate);
}

/* Postgres refused a dead letter. The event must not be lost, and the refusal is not its fault. The reason
 * text may be what Postgres refused, so the next attempt omits it; after that an operator must repair the
 * cause. */
static void refuse_burial(struct pipeline *p, struct event *event, const struct session *session)
{
    bool transient = verdict_of(session->sqlstate) == VERDICT_TRANSIENT;

    if (!transient && !event->plain) {
        event->state = EVENT_FAILED; /* so that pipeline_plan adds a dead letter again */
        event->plain = true;
        return;
    }
    event_fail(event, transient ? VERDICT_TRANSIENT : VERDICT_OPERATOR, session->sqlstate, session->reason);
    event_strike(event, true, p->stored_before);
    event->unburied = true;
    note_strike(p, session);
}

static void wait_again(const struct plan_item *item)
{
    for (size_t i = 0; i < item->count; i++) {
        item->events[i]->state = EVENT_WAITING;
    }
}

static void make_single(const struct plan_item *item)
{
    for (size_t i = 0; i < item->count; i++) {
        item->events[i]->single = true;
    }
}

/* A statement of several events doesn't name the one that failed, and one that had little time may succeed
 * with more. */
static bool is_vague(const struct pipeline *p, const struct plan_item *struck, const struct session *session)
{
    return struck->count > 1 || (p->plan.is_short && verdict_is_timeout(session->sqlstate));
}

/* The sync of a failed segment has arrived: nothing of the segment was committed. */
static void refuse_segment(struct pipeline *p, size_t last, const struct session *session)
{
    bool alone = last == p->begin;
    size_t struck = alone ? last : p->struck;
    struct event *event;

    if (p->plan.items[last].buries) {
        refuse_burial(p, p->plan.items[last].events[0], session);
        return;
    }
    for (size_t i = p->begin; i <= last; i++) {
        wait_again(&p->plan.items[i]);
    }
    if (struck <= last && is_vague(p, &p->plan.items[struck], session)) {
        make_single(&p->plan.items[struck]);
        p->result.vague = true;
        memcpy(p->result.sqlstate, session->sqlstate, sizeof p->result.sqlstate);
        return;
    }
    note_strike(p, session);
    if (struck > last) {
        p->result.at_commit = true;
        return;
    }
    event = p->plan.items[struck].events[0];
    event_fail(event, verdict_of(session->sqlstate), session->sqlstate, session->reason);
    event_strike(event, alone, p->stored_before + p->result.stored);
}

/* Returns false when a statement other than an event's failed: the session must not be used again. */
static bool end_of_segment(struct pipeline *p, const struct session *session)
{
    size_t last = segment_last(p);

    if (p->struck != NONE) {
        if (p->plan.items[last].count == 0) {
            return false;
        }
        refuse_segment(p, last, session);
    } else {
        for (size_t i = p->begin; i <= last; i++) {
            p->result.stored += p->plan.items[i].buries ? 0 : p->plan.items[i].count;
        }
    }
    p->begin = p->at = last + 1;
    p->struck = NONE;
    return true;
}

/* Returns false as end_of_segment does. */
static bool read_answer(struct pipeline *p, struct session *session, const PGresult *result)
{
    bool at_sync = p->at > segment_last(p);

    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        if (p->plan.items[p->at].kind == PLAN_GUARD && !upsert_is_synchronous(result)) {
            session_note_unsynced(session);
            p->struck = p->at; /* keeps the note */
            return false;
        }
        accept_item(p, result);
        p->at++;
        break;
    case PGRES_PIPELINE_SYNC:
        return end_of_segment(p, session);
    case PGRES_PIPELINE_ABORTED:
        p->at++;
        break;
    default:
        if (p->struck == NONE) {
            session_note_result(session, result);
            p->struck = at_sync ? p->plan.count : p->at;
        }
        p->at += !at_sync;
    }
    return true;
}

static bool is_broken(const struct session *session)
{
    return PQstatus(session->connection) == CONNECTION_BAD;
}

/* Returns false when the connection is lost or must not be used again. */
static bool read_answers(struct pipeline *p, struct session *session)
{
    if (PQconsumeInput(session->connection) != 1) {
        return false;
    }
    while (p->begin < p->plan.count && PQisBusy(session->connection) == 0) {
        PGresult *result = PQgetResult(session->connection); /* NULL ends a statement's results */
        bool good = result == NULL ? !is_broken(session) : read_answer(p, session, result);

        PQclear(result);
        if (!good) {
            return false;
        }
    }
    return true;
}

enum pipeline_progress pipeline_step(struct pipeline *p, struct session *session)
{
    int unsent = -1;

    if (read_answers(p, session)) {
        if (p->begin == p->plan.count) {
            p->unsent = false;
            p->begin = p->plan.count = 0; /* these outcomes are final: pipeline_lost must not revert them */
            return PIPELINE_ANSWERED;
        }
        unsent = PQflush(session->connection);
    }
    if (unsent < 0 || is_broken(session)) {
        /* Keep the message of a failed result ("terminating connection ..."): it says more than "closed". */
        if (p->struck == NONE) {
            session_note_lost(session);
        }
        return PIPELINE_BROKEN;
    }
    p->unsent = unsent > 0;
    return PIPELINE_PENDING;
}

void pipeline_lost(struct pipeline *p, struct batch *batch, const struct session *session)
{
    /* Several segments are durable only after the flush, a single one only after its sync. Neither came. */
    for (size_t i = p->plan.first; i < p->plan.count; i++) {
        if (p->plan.items[i].buries) {
            p->plan.items[i].events[0]->state = EVENT_FAILED;
        } else {
            wait_again(&p->plan.items[i]);
        }
    }
    for (size_t i = 0; i < batch->count; i++) {
        struct event *event = batch->events[i];

        if (!event_settled(event)) {
            event->lost++;
        }
        if (!event_settled(event) && event->form == EVENT_READABLE) {
            event_fail(event, VERDICT_TRANSIENT, session->sqlstate, session->reason);
        }
    }
    plan_forget(&p->plan);
}

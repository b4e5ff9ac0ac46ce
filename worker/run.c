/* SPDX-License-Identifier: MIT */
#include "run.h"

#include "upsert.h"

#include <stdlib.h>
#include <string.h>

enum item_kind {
    ITEM_EVENT,    /* an event's upsert or, when it has failed, its dead letter */
    ITEM_NO_FLUSH, /* synchronous_commit off */
    ITEM_FLUSH_ON, /* synchronous_commit on */
    ITEM_FLUSH,    /* a commit that waits for the disk, and so makes all earlier commits durable */
};

struct run_item {
    enum item_kind kind;
    struct event *event; /* NULL unless ITEM_EVENT */
    bool buries;
    bool ends; /* last item of its segment: a sync follows */
};

#define OWN_ITEMS 3
#define NONE SIZE_MAX

enum error_code run_init(struct run *r, size_t most_events, int64_t tiers, const char *worker,
                         struct error *error)
{
    *r = (struct run){.tiers = tiers, .worker = worker};
    r->items = calloc(most_events + OWN_ITEMS, sizeof *r->items);
    return r->items == NULL ? error_set(error, ERROR_MEMORY, "no memory for a batch") : ERROR_NONE;
}

void run_free(struct run *r)
{
    buf_free(&r->scratch);
    free(r->items);
    *r = (struct run){0};
}

/* --- planning ------------------------------------------------------------------------ */

static bool is_to_be_buried(const struct run *r, const struct event *event)
{
    if (event->state != EVENT_FAILED || event->form == EVENT_NEWER) {
        return false;
    }
    switch (event->verdict) {
    case VERDICT_POISON:
        return true;
    case VERDICT_LATER:
        return event->envelope.attempt >= r->tiers;
    case VERDICT_TRANSIENT:
    case VERDICT_OPERATOR:
    case VERDICT_UNCLEAR:
        return false;
    }
    return false;
}

static void add(struct run *r, enum item_kind kind, struct event *event, bool buries, bool ends)
{
    r->items[r->count++] = (struct run_item){.kind = kind, .event = event, .buries = buries, .ends = ends};
}

static void end_segment(struct run *r)
{
    if (r->count > 0) {
        r->items[r->count - 1].ends = true;
    }
}

static size_t segments(const struct run *r)
{
    size_t count = 0;

    for (size_t i = 0; i < r->count; i++) {
        count += r->items[i].ends;
    }
    return count;
}

/* Puts ITEM_NO_FLUSH into the first item, which run_plan keeps free for it. */
static void add_flush(struct run *r)
{
    r->items[0] = (struct run_item){.kind = ITEM_NO_FLUSH, .ends = true};
    add(r, ITEM_FLUSH_ON, NULL, false, true);
    add(r, ITEM_FLUSH, NULL, false, true);
}

bool run_plan(struct run *r, const struct batch *batch, size_t most, uint64_t stored)
{
    size_t several, length = 0;

    r->stored_before = stored;
    r->count = 1;
    r->items[0] = (struct run_item){.kind = ITEM_NO_FLUSH};
    for (size_t i = 0; i < batch->count; i++) {
        struct event *event = batch->events[i];

        if (event->state == EVENT_WAITING) {
            length++;
            add(r, ITEM_EVENT, event, false, length == most);
            length = length == most ? 0 : length;
        } else if (event->state == EVENT_FAILED) {
            end_segment(r);
            length = 0;
        }
    }
    end_segment(r);
    for (size_t i = 0; i < batch->count; i++) {
        if (is_to_be_buried(r, batch->events[i])) {
            add(r, ITEM_EVENT, batch->events[i], true, true);
        }
    }
    r->items[0].ends = false;
    several = segments(r);
    if (several > 1) {
        add_flush(r);
    }
    return several > 0;
}

/* --- sending ------------------------------------------------------------------------- */

static bool send_item(struct run *r, PGconn *connection, const struct run_item *item)
{
    switch (item->kind) {
    case ITEM_EVENT:
        return item->buries ? upsert_send_dead(connection, item->event, r->worker, &r->scratch)
                            : upsert_send(connection, item->event, &r->scratch);
    case ITEM_NO_FLUSH:
        return upsert_send_wait_for_disk(connection, false);
    case ITEM_FLUSH_ON:
        return upsert_send_wait_for_disk(connection, true);
    case ITEM_FLUSH:
        return upsert_send_flush(connection);
    }
    return false;
}

/* With a single segment the first item is unused. */
static size_t first_item(const struct run *r)
{
    return r->items[0].ends ? 0 : 1;
}

/* Data that the socket does not accept stays in libpq's buffer: one batch at most. */
bool run_send(struct run *r, struct session *session)
{
    bool sent = session->connection != NULL;

    r->result = (struct run_result){.stored = 0};
    r->at = r->begin = first_item(r);
    r->struck = NONE;
    for (size_t i = r->at; sent && i < r->count; i++) {
        sent = send_item(r, session->connection, &r->items[i]) &&
               (!r->items[i].ends || PQpipelineSync(session->connection) == 1);
    }
    if (!sent) {
        session_note_lost(session);
    }
    return sent;
}

/* --- reading ------------------------------------------------------------------------- */

/* The last item of the segment that begins at `begin`. */
static size_t segment_last(const struct run *r)
{
    size_t last = r->begin;

    while (!r->items[last].ends) {
        last++;
    }
    return last;
}

/* Notes a successful answer. It is provisional until the segment's sync. */
static void accept_item(struct run *r, const PGresult *result)
{
    const struct run_item *item = &r->items[r->at];

    if (item->event != NULL) {
        item->event->state = item->buries ? EVENT_DEAD : upsert_outcome(result);
    }
}

static void note_strike(struct run *r, const struct session *session)
{
    struct run_result *result = &r->result;

    result->strikes++;
    result->timeout = result->timeout || verdict_is_timeout(session->sqlstate);
    result->servers = result->servers || verdict_is_servers(session->sqlstate);
    result->verdict = verdict_of(session->sqlstate);
    memcpy(result->sqlstate, session->sqlstate, sizeof result->sqlstate);
}

/* Postgres refused a dead letter. The event must not be lost, and the refusal is not its fault. The reason
 * text may be what Postgres refused, so the next attempt omits it; after that an operator must repair the
 * cause. */
static void refuse_burial(struct run *r, struct event *event, const struct session *session)
{
    bool transient = verdict_of(session->sqlstate) == VERDICT_TRANSIENT;

    if (!transient && !event->plain) {
        event->state = EVENT_FAILED; /* so that run_plan adds a dead letter again */
        event->plain = true;
        return;
    }
    event_fail(event, transient ? VERDICT_TRANSIENT : VERDICT_OPERATOR, session->sqlstate, session->reason);
    event_strike(event, true, r->stored_before);
    event->unburied = true;
    note_strike(r, session);
}

/* The sync of a failed segment has arrived: nothing of the segment was committed. */
static void refuse_segment(struct run *r, size_t last, const struct session *session)
{
    bool alone = last == r->begin;
    size_t struck = alone ? last : r->struck;

    if (r->items[last].buries) {
        refuse_burial(r, r->items[last].event, session);
        return;
    }
    for (size_t i = r->begin; i <= last; i++) {
        r->items[i].event->state = EVENT_WAITING;
    }
    note_strike(r, session);
    if (struck > last) {
        r->result.at_commit = true;
        return;
    }
    event_fail(r->items[struck].event, verdict_of(session->sqlstate), session->sqlstate, session->reason);
    event_strike(r->items[struck].event, alone, r->stored_before + r->result.stored);
}

/* Returns false when a statement other than an event's failed: the session must not be used again. */
static bool end_of_segment(struct run *r, const struct session *session)
{
    size_t last = segment_last(r);

    if (r->struck != NONE) {
        if (r->items[last].event == NULL) {
            return false;
        }
        refuse_segment(r, last, session);
    } else {
        for (size_t i = r->begin; i <= last; i++) {
            r->result.stored += r->items[i].event != NULL && !r->items[i].buries;
        }
    }
    r->begin = r->at = last + 1;
    r->struck = NONE;
    return true;
}

/* Returns false as end_of_segment does. */
static bool read_answer(struct run *r, struct session *session, const PGresult *result)
{
    bool at_sync = r->at > segment_last(r);

    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        accept_item(r, result);
        r->at++;
        break;
    case PGRES_PIPELINE_SYNC:
        return end_of_segment(r, session);
    case PGRES_PIPELINE_ABORTED:
        r->at++;
        break;
    default:
        if (r->struck == NONE) {
            session_note_result(session, result);
            r->struck = at_sync ? r->count : r->at;
        }
        r->at += !at_sync;
    }
    return true;
}

static bool is_broken(const struct session *session)
{
    return PQstatus(session->connection) == CONNECTION_BAD;
}

/* Returns false when the connection is lost or must not be used again. */
static bool read_answers(struct run *r, struct session *session)
{
    if (PQconsumeInput(session->connection) != 1) {
        return false;
    }
    while (r->begin < r->count && PQisBusy(session->connection) == 0) {
        PGresult *result = PQgetResult(session->connection); /* NULL ends a statement's results */
        bool good = result == NULL ? !is_broken(session) : read_answer(r, session, result);

        PQclear(result);
        if (!good) {
            return false;
        }
    }
    return true;
}

enum run_progress run_step(struct run *r, struct session *session)
{
    int unsent = -1;

    if (read_answers(r, session)) {
        if (r->begin == r->count) {
            r->unsent = false;
            r->begin = r->count = 0; /* these outcomes are final: run_lost must not revert them */
            return RUN_ANSWERED;
        }
        unsent = PQflush(session->connection);
    }
    if (unsent < 0 || is_broken(session)) {
        /* Keep the message of a failed result ("terminating connection ..."): it says more than "closed". */
        if (r->struck == NONE) {
            session_note_lost(session);
        }
        return RUN_BROKEN;
    }
    r->unsent = unsent > 0;
    return RUN_PENDING;
}

void run_lost(struct run *r, struct batch *batch, const struct session *session)
{
    /* Several segments are durable only after the flush, a single one only after its sync. Neither came. */
    for (size_t i = first_item(r); i < r->count; i++) {
        struct event *event = r->items[i].event;

        if (event != NULL) {
            event->state = r->items[i].buries ? EVENT_FAILED : EVENT_WAITING;
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
    r->count = 0;
}

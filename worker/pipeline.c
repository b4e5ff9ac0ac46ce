/* SPDX-License-Identifier: MIT */
#include "pipeline.h"

#include "upsert.h"

#include <stdlib.h>
#include <string.h>

enum item_kind {
    ITEM_EVENT,    /* an event's upsert or, when it has failed, its dead letter */
    ITEM_NO_FLUSH, /* synchronous_commit off */
    ITEM_FLUSH_ON, /* synchronous_commit on */
    ITEM_FLUSH,    /* a commit that waits for the disk, and so makes all earlier commits durable */
    ITEM_GUARD,    /* whether the commits before it have waited for a standby */
    ITEM_QUESTION, /* how many dead letters there are */
};

struct pipeline_item {
    enum item_kind kind;
    struct event *event; /* NULL unless ITEM_EVENT */
    bool buries;
    bool ends; /* last item of its segment: a sync follows */
};

#define OWN_ITEMS 4
#define NONE SIZE_MAX

enum error_code pipeline_init(struct pipeline *p, size_t most_events, int64_t tiers, const char *worker,
                              bool guarded, struct error *error)
{
    *p = (struct pipeline){.tiers = tiers, .worker = worker, .guarded = guarded};
    p->items = calloc(most_events + OWN_ITEMS, sizeof *p->items);
    return p->items == NULL ? error_set(error, ERROR_MEMORY, "no memory for a batch") : ERROR_NONE;
}

void pipeline_free(struct pipeline *p)
{
    buf_free(&p->scratch);
    free(p->items);
    *p = (struct pipeline){0};
}

/* --- planning ------------------------------------------------------------------------ */

static bool is_to_be_buried(const struct pipeline *p, const struct event *event)
{
    if (event->state != EVENT_FAILED || event->form == EVENT_NEWER) {
        return false;
    }
    switch (event->verdict) {
    case VERDICT_POISON:
        return true;
    case VERDICT_LATER:
        return event->envelope.attempt >= p->tiers;
    case VERDICT_TRANSIENT:
    case VERDICT_OPERATOR:
    case VERDICT_UNCLEAR:
        return false;
    }
    return false;
}

static void add(struct pipeline *p, enum item_kind kind, struct event *event, bool buries, bool ends)
{
    p->items[p->count++] =
        (struct pipeline_item){.kind = kind, .event = event, .buries = buries, .ends = ends};
}

static void end_segment(struct pipeline *p)
{
    if (p->count > 0) {
        p->items[p->count - 1].ends = true;
    }
}

static size_t segments(const struct pipeline *p)
{
    size_t count = 0;

    for (size_t i = 0; i < p->count; i++) {
        count += p->items[i].ends;
    }
    return count;
}

/* Puts ITEM_NO_FLUSH into the first item, which pipeline_plan keeps free for it. */
static void add_flush(struct pipeline *p)
{
    p->items[0] = (struct pipeline_item){.kind = ITEM_NO_FLUSH, .ends = true};
    add(p, ITEM_FLUSH_ON, NULL, false, true);
    add(p, ITEM_FLUSH, NULL, false, true);
}

bool pipeline_plan(struct pipeline *p, const struct batch *batch, size_t most, uint64_t stored)
{
    size_t several, length = 0;

    p->stored_before = stored;
    p->count = 1;
    p->items[0] = (struct pipeline_item){.kind = ITEM_NO_FLUSH};
    for (size_t i = 0; i < batch->count; i++) {
        struct event *event = batch->events[i];

        if (event->state == EVENT_WAITING) {
            length++;
            add(p, ITEM_EVENT, event, false, length == most);
            length = length == most ? 0 : length;
        } else if (event->state == EVENT_FAILED) {
            end_segment(p);
            length = 0;
        }
    }
    end_segment(p);
    for (size_t i = 0; i < batch->count; i++) {
        if (is_to_be_buried(p, batch->events[i])) {
            add(p, ITEM_EVENT, batch->events[i], true, true);
        }
    }
    p->items[0].ends = false;
    several = segments(p);
    if (several > 1) {
        add_flush(p);
    }
    if (several > 0 && p->guarded) {
        add(p, ITEM_GUARD, NULL, false, true);
    }
    return several > 0;
}

void pipeline_plan_question(struct pipeline *p)
{
    p->count = 1;
    p->items[0] = (struct pipeline_item){.kind = ITEM_NO_FLUSH};
    add(p, ITEM_QUESTION, NULL, false, true);
}

/* --- sending ------------------------------------------------------------------------- */

static bool send_item(struct pipeline *p, PGconn *connection, const struct pipeline_item *item)
{
    switch (item->kind) {
    case ITEM_EVENT:
        return item->buries ? upsert_send_dead(connection, item->event, p->worker, &p->scratch)
                            : upsert_send(connection, item->event, &p->scratch);
    case ITEM_NO_FLUSH:
        return upsert_send_wait_for_disk(connection, false);
    case ITEM_FLUSH_ON:
        return upsert_send_wait_for_disk(connection, true);
    case ITEM_FLUSH:
        return upsert_send_flush(connection);
    case ITEM_GUARD:
        return upsert_ask_synchronous(connection);
    case ITEM_QUESTION:
        return upsert_ask_dead_rows(connection);
    }
    return false;
}

/* With a single segment the first item is unused. */
static size_t first_item(const struct pipeline *p)
{
    return p->items[0].ends ? 0 : 1;
}

/* Data that the socket does not accept stays in libpq's buffer: one batch at most. */
bool pipeline_send(struct pipeline *p, struct session *session)
{
    bool sent = session->connection != NULL;

    p->result = (struct pipeline_result){.dead_rows = -1};
    p->at = p->begin = first_item(p);
    p->struck = NONE;
    for (size_t i = p->at; sent && i < p->count; i++) {
        sent = send_item(p, session->connection, &p->items[i]) &&
               (!p->items[i].ends || PQpipelineSync(session->connection) == 1);
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

    while (!p->items[last].ends) {
        last++;
    }
    return last;
}

/* Notes a successful answer. It is provisional until the segment's sync. */
static void accept_item(struct pipeline *p, const PGresult *result)
{
    const struct pipeline_item *item = &p->items[p->at];

    if (item->event != NULL) {
        item->event->state = item->buries ? EVENT_DEAD : upsert_outcome(result);
    } else if (item->kind == ITEM_QUESTION) {
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

/* The sync of a failed segment has arrived: nothing of the segment was committed. */
static void refuse_segment(struct pipeline *p, size_t last, const struct session *session)
{
    bool alone = last == p->begin;
    size_t struck = alone ? last : p->struck;

    if (p->items[last].buries) {
        refuse_burial(p, p->items[last].event, session);
        return;
    }
    for (size_t i = p->begin; i <= last; i++) {
        p->items[i].event->state = EVENT_WAITING;
    }
    note_strike(p, session);
    if (struck > last) {
        p->result.at_commit = true;
        return;
    }
    event_fail(p->items[struck].event, verdict_of(session->sqlstate), session->sqlstate, session->reason);
    event_strike(p->items[struck].event, alone, p->stored_before + p->result.stored);
}

/* Returns false when a statement other than an event's failed: the session must not be used again. */
static bool end_of_segment(struct pipeline *p, const struct session *session)
{
    size_t last = segment_last(p);

    if (p->struck != NONE) {
        if (p->items[last].event == NULL) {
            return false;
        }
        refuse_segment(p, last, session);
    } else {
        for (size_t i = p->begin; i <= last; i++) {
            p->result.stored += p->items[i].event != NULL && !p->items[i].buries;
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
        if (p->items[p->at].kind == ITEM_GUARD && !upsert_is_synchronous(result)) {
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
            p->struck = at_sync ? p->count : p->at;
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
    while (p->begin < p->count && PQisBusy(session->connection) == 0) {
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
        if (p->begin == p->count) {
            p->unsent = false;
            p->begin = p->count = 0; /* these outcomes are final: pipeline_lost must not revert them */
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
    for (size_t i = first_item(p); i < p->count; i++) {
        struct event *event = p->items[i].event;

        if (event != NULL) {
            event->state = p->items[i].buries ? EVENT_FAILED : EVENT_WAITING;
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
    p->count = 0;
}

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_SLOT_H
#define SLUICE_SLOT_H

/* A slot is a place of the pool: one session, and the batch that it is storing, pipeline after pipeline.
 * Nothing here blocks: the loop polls slot_fd and calls slot_step.
 *
 * A batch starts as one transaction. When an event fails, the pipeline tells which one. It is taken out and
 * the rest is sent again at once, the events before it in a transaction of their own. After several failures,
 * or when only the commit failed, the remaining events are sent one by one. Events that have failed for good
 * then become dead letters (worker/pipeline). When the server is at fault, the remaining events go back as
 * they are. One thread. */

#include "batch.h"
#include "settings.h"

#include <stdint.h>

enum slot_state {
    SLOT_CLOSED,  /* no connection */
    SLOT_OPENING, /* the session is being opened */
    SLOT_READY,   /* idle: may take a batch */
    SLOT_BUSY,    /* storing a batch */
};

enum slot_news {
    SLOT_NOTHING,    /* no news */
    SLOT_OPENED,     /* now SLOT_READY */
    SLOT_NO_PLACE,   /* not opened: the budget is used up; now SLOT_CLOSED */
    SLOT_NOT_OPENED, /* not opened: see slot_reason and slot_sqlstate; now SLOT_CLOSED */
    SLOT_UNFIT,      /* the role is a superuser or has no connection limit; now SLOT_CLOSED */
    SLOT_FINISHED,   /* the batch has its outcome; now SLOT_READY */
    SLOT_LOST,       /* connection lost; the unsettled events failed as transient; now SLOT_CLOSED */
};

struct slot;

/* settings and worker (this worker's name) must outlive the slot. */
MUST_CHECK enum error_code slot_new(struct slot **slot, const struct worker_settings *settings,
                                    const char *worker, struct error *error);
/* Starts to connect; the slot must be SLOT_CLOSED. slot_step reports the result. turn: see session_open. */
void slot_open(struct slot *slot, size_t turn, int64_t now_us);
/* Takes a batch from the queue, which must not be empty, and starts to store it; the slot must be SLOT_READY.
 * stored: number of events that this worker has stored so far. */
void slot_store(struct slot *slot, struct event_queue *queue, uint64_t stored, int64_t now_us);
/* The same for a single event on purpose. */
void slot_store_alone(struct slot *slot, struct event *event, uint64_t stored, int64_t now_us);
/* Asks how many dead letters there are, as a batch without events; the slot must be SLOT_READY. */
void slot_ask(struct slot *slot, int64_t now_us);
/* The answer, after SLOT_FINISHED; -1: not known. */
int64_t slot_dead_rows(const struct slot *slot);
/* Makes as much progress as possible without blocking. After SLOT_FINISHED or SLOT_LOST the caller must take
 * the events with slot_batch. Each is settled or EVENT_FAILED. A struck event failed on its own, with
 * VERDICT_LATER (to be retried), VERDICT_TRANSIENT or VERDICT_OPERATOR; the others failed with the batch (a
 * malformed event keeps the failure that it had). */
enum slot_news slot_step(struct slot *slot, int64_t now_us);
/* The batch after SLOT_FINISHED or SLOT_LOST. The caller takes ownership of all events and sets count to 0.
 */
struct batch *slot_batch(struct slot *slot);
enum slot_state slot_state(const struct slot *slot);
/* For poll(): -1 when closed. */
int slot_fd(const struct slot *slot);
short slot_poll_events(const struct slot *slot);
/* The deadline: when slot_step must be called even without input; INT64_MAX: never. */
int64_t slot_deadline_us(const struct slot *slot);
/* True while it is storing an event given to slot_store_alone. */
bool slot_is_alone(const struct slot *slot);
/* When it began to store its batch. */
int64_t slot_begun_us(const struct slot *slot);
/* When a transaction of its batches was last committed with an event; 0: never. Others may still follow in
 * the same batch. */
int64_t slot_stored_us(const struct slot *slot);
/* When it last became SLOT_READY. */
int64_t slot_ready_since_us(const struct slot *slot);
/* The last error: SQLSTATE ("" when the connection was lost without one) and message. */
const char *slot_sqlstate(const struct slot *slot);
const char *slot_reason(const struct slot *slot);
/* True when it was not opened, or lost, since commits don't wait for a standby: WORKER_REQUIRE_SYNC. */
bool slot_is_unsynced(const struct slot *slot);
/* The role's connection limit, read when the slot was opened. */
int64_t slot_budget(const struct slot *slot);
/* Closes the connection; a batch that is being stored fails as with SLOT_LOST. */
void slot_close(struct slot *slot);
/* Closes the slot and frees it with its events. slot may be NULL. */
void slot_free(struct slot *slot);

#endif

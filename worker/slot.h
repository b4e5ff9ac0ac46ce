/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_SLOT_H
#define SLUICE_SLOT_H

/* A slot is one Postgres connection and the batch it is carrying. Nothing here
 * waits: the loop polls slot_fd and calls slot_step.
 *
 * A batch goes together, as one transaction. When an event fails, the pipeline says which: it is taken out,
 * and the rest goes again at once, what stood before it in a transaction of its own. After some of them, or
 * when only the commit failed, all that is left goes one by one. Then those whose own fault it is, for good,
 * become dead letters (worker/run). When the trouble is the server's, the rest goes back as it is. One
 * thread. */

#include "batch.h"
#include "settings.h"

#include <stdint.h>

enum slot_state {
    SLOT_CLOSED,  /* no connection */
    SLOT_OPENING, /* the session is being made */
    SLOT_READY,   /* idle: may take a batch */
    SLOT_BUSY,    /* a batch is under way */
};

enum slot_news {
    SLOT_NOTHING,    /* or only progress */
    SLOT_OPENED,     /* it has become SLOT_READY */
    SLOT_NO_PLACE,   /* not opened: the budget is used up; now SLOT_CLOSED */
    SLOT_NOT_OPENED, /* not opened: reason (and sqlstate) say why; now SLOT_CLOSED */
    SLOT_UNFIT,    /* the role may not be used: a superuser, or without a connection limit; now SLOT_CLOSED */
    SLOT_FINISHED, /* the batch has its answers; now SLOT_READY */
    SLOT_LOST,     /* the connection is gone, with the batch's unsettled events failed as transient; now
                      SLOT_CLOSED */
};

struct slot;

/* settings and worker (a name for people) must outlive it. */
MUST_CHECK enum error_code slot_new(struct slot **slot, const struct worker_settings *settings,
                                    const char *worker, struct error *error);
/* Begins to connect; SLOT_CLOSED before. What comes of it is told by slot_step. */
void slot_open(struct slot *slot, int64_t now_us);
/* Takes a batch from the queue (not empty) and begins to store it; SLOT_READY before. stored: how many events
 * this worker has stored by now. */
void slot_store(struct slot *slot, struct event_queue *queue, uint64_t stored, int64_t now_us);
/* The same for one event, alone. */
void slot_store_alone(struct slot *slot, struct event *event, uint64_t stored, int64_t now_us);
/* Goes on as far as it can without waiting. After SLOT_FINISHED or SLOT_LOST the batch's events are the
 * caller's to take by slot_batch: each settled, or EVENT_FAILED. One that is struck failed by itself, with
 * VERDICT_LATER (to be retried), VERDICT_TRANSIENT or VERDICT_OPERATOR; the others failed with the batch (one
 * that is malformed: perhaps as it was). */
enum slot_news slot_step(struct slot *slot, int64_t now_us);
/* The events after SLOT_FINISHED or SLOT_LOST; the caller takes them all and sets count to 0. */
struct batch *slot_batch(struct slot *slot);
enum slot_state slot_state(const struct slot *slot);
/* For poll(): -1 when closed. */
int slot_fd(const struct slot *slot);
short slot_poll_events(const struct slot *slot);
/* When it must be stepped even if nothing came: its deadline; INT64_MAX: never. */
int64_t slot_deadline_us(const struct slot *slot);
/* True while it carries an event alone. */
bool slot_is_alone(const struct slot *slot);
/* When its batch began. */
int64_t slot_begun_us(const struct slot *slot);
/* When it last became SLOT_READY. */
int64_t slot_ready_since_us(const struct slot *slot);
/* The server's last error: SQLSTATE ("" when the connection was lost without one), and text for people. */
const char *slot_sqlstate(const struct slot *slot);
const char *slot_reason(const struct slot *slot);
/* The budget that the role showed when the slot was opened. */
int64_t slot_budget(const struct slot *slot);
/* Closes the connection; a batch under way fails as by SLOT_LOST. */
void slot_close(struct slot *slot);
/* Closes, and frees it with the events it holds. slot may be NULL. */
void slot_free(struct slot *slot);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_DELIVER_H
#define SLUICE_DELIVER_H

/* The broker's side of the worker: the connection, the consumer with its careful
 * start, and the acks. One thread.
 *
 * A crash charges one delivery to everything that was prefetched. So a consumer
 * begins with a prefetch of 1, and goes on with the full one after the first
 * message that is no redelivery: a message that kills its worker then takes few
 * innocents with it. */

#include "ack.h"
#include "backoff.h"
#include "batch.h"
#include "broker.h"
#include "settings.h"

enum deliver_state {
    DELIVER_AWAY,    /* no connection; the next attempt is at deliver.next_attempt_us */
    DELIVER_IDLE,    /* connected, not consuming: the worker stands by */
    DELIVER_CAREFUL, /* consuming with a prefetch of 1 */
    DELIVER_FULL,    /* consuming with the full prefetch */
    DELIVER_STOPPED, /* connected, consumer ended, what it delivered is still ours to ack */
};

struct deliver {
    const struct worker_settings *settings;
    const char *connection_name;
    enum deliver_state state;
    struct broker *broker; /* NULL only in DELIVER_AWAY */
    uint64_t channel;      /* counts channels: an event is acked only on the one it came by */
    struct ack ack;
    struct backlog backlog; /* delivered, and not yet taken by a slot */
    struct backoff backoff;
    int64_t next_attempt_us;
};

MUST_CHECK enum error_code deliver_init(struct deliver *d, const struct worker_settings *settings,
                                        const char *connection_name, struct error *error);
/* Connects when it is time to, begins to consume when `want` and it doesn't yet,
 * and moves every delivery that is here into the backlog. Call it at least every 2 s (heartbeats).
 * Connecting may take up to 5 s. A lost connection is logged, and tried
 * again with backoff. */
void deliver_step(struct deliver *d, bool want, int64_t now_us);
/* Takes back an event that a slot is done with, and frees it or, when it is not settled, puts it into
 * the backlog again. One of an earlier channel is just freed: its message comes again, and the upsert makes
 * that harmless. */
void deliver_take_back(struct deliver *d, struct event *event);
/* Acks all that is settled and contiguous, in one frame; past_gaps: the rest of what is settled too, in a
 * frame each. */
void deliver_flush(struct deliver *d, bool past_gaps, int64_t now_us);
/* Ends the consumer and keeps the channel, for a drain. */
void deliver_stop(struct deliver *d, int64_t now_us);
/* Closes the connection: the broker gives everything that isn't acked to others,
 * charging one delivery each. It is opened again by deliver_step. */
void deliver_release(struct deliver *d, int64_t now_us);
/* For poll(); -1 when there is no connection. */
int deliver_fd(const struct deliver *d);
/* Says goodbye and frees. */
void deliver_end(struct deliver *d);

#endif

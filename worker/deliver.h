/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_DELIVER_H
#define SLUICE_DELIVER_H

/* The broker's side of the worker: the connection, the consumer with its careful
 * start, and the acks. One thread.
 *
 * A crash charges one delivery to everything that was prefetched. So a consumer
 * begins with a prefetch of 1, and goes on with the full one once its first message
 * has been answered, well or not: a message that kills its worker then takes few
 * innocents with it.
 *
 * What is held here is bounded in bytes, too: above WORKER_MEMORY the consumer ends and what it has delivered
 * stays, below half of it another one begins. The prefetch is so small that as many events of the usual size
 * stay within it; only what was on its way already can exceed it. */

#include "ack.h"
#include "backoff.h"
#include "broker.h"
#include "event.h"
#include "opening.h"
#include "settings.h"

enum deliver_state {
    DELIVER_AWAY, /* no connection; one is being opened, or the next attempt is at deliver.next_attempt_us */
    DELIVER_IDLE, /* connected, not consuming: the worker stands by */
    DELIVER_CAREFUL, /* consuming with a prefetch of 1 */
    DELIVER_FULL,    /* consuming with the full prefetch */
    DELIVER_SATED,   /* connected, consumer ended until less memory is held */
    DELIVER_STOPPED, /* connected, consumer ended, what it delivered is still ours to ack */
};

struct deliver {
    const struct worker_settings *settings;
    const char *connection_name;
    enum deliver_state state;
    struct broker *broker;   /* NULL only in DELIVER_AWAY */
    struct opening *opening; /* NULL but in DELIVER_AWAY, while it connects */
    uint64_t channel;        /* counts channels: an event is acked only on the one it came by */
    struct ack ack;
    struct event_queue arrived; /* delivered, and not yet taken by deliver_take */
    bool answered;              /* an event of this channel was */
    bool begun;                 /* a consumer, since the last deliver_step: what it brought may lie unread */
    size_t usual_bytes;         /* of an event: a mean that follows the last ones */
    uint16_t most;              /* prefetch, at most */
    uint16_t prefetch;          /* of the consumer */
    struct backoff backoff;
    int64_t next_attempt_us;
};

MUST_CHECK enum error_code deliver_init(struct deliver *d, const struct worker_settings *settings,
                                        const char *connection_name, struct error *error);
/* Connects when it is time to, begins to consume when `want` and it doesn't yet,
 * and takes every delivery that is here. Call it at least every 2 s (heartbeats).
 * Connecting is waited for by nobody. A lost connection is logged, and tried
 * again with backoff. */
void deliver_step(struct deliver *d, bool want, int64_t now_us);
/* True when deliver_step would begin or end a consumer now. */
bool deliver_is_due(const struct deliver *d, bool want);
/* The next event that has arrived, now the caller's; NULL: none. */
struct event *deliver_take(struct deliver *d);
/* The channel that events come by now; 0: there is none. */
uint64_t deliver_channel(const struct deliver *d);
/* Notes that an event of this channel was answered: stored, refused, or parked. */
void deliver_answered(struct deliver *d, uint64_t channel);
/* Takes back an event that is settled, frees it, and acks it with the next deliver_flush. One of an earlier
 * channel is just freed: its message comes again, and the upsert makes that harmless. */
void deliver_settle(struct deliver *d, struct event *event);
/* Gives an event that can't be settled back to the queue, and frees it. It comes again, here or elsewhere; no
 * other is charged with a delivery. */
void deliver_give_back(struct deliver *d, struct event *event, int64_t now_us);
/* Acks all that is settled. Before it, the full consumer begins where the careful one's first message has
 * been answered. A lost connection is logged, and what wasn't acked comes again. */
void deliver_flush(struct deliver *d, int64_t now_us);
/* Ends the consumer and keeps the channel, for a drain. */
void deliver_stop(struct deliver *d, int64_t now_us);
/* Closes the connection: the broker gives everything that isn't acked to others,
 * charging one delivery each. It is opened again by deliver_step. */
void deliver_release(struct deliver *d, int64_t now_us);
/* For poll(); -1 when there is no connection and none is being opened. */
int deliver_fd(const struct deliver *d);
/* Says goodbye and frees. */
void deliver_end(struct deliver *d);

#endif

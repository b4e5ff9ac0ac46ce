/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_DELIVER_H
#define SLUICE_DELIVER_H

/* The worker's side of the broker: the connection, the consumers with their careful start, and the acks. One
 * thread.
 *
 * A crash adds one to the delivery count of every prefetched message. So a worker starts with a prefetch of 1
 * and switches to the full prefetch once its first message (of each queue, one after the other) has an
 * outcome, good or bad: a message that kills its worker then costs few other messages a delivery.
 *
 * The bytes held are bounded, too. Above WORKER_MEMORY the consumer is cancelled and the messages it
 * delivered are kept; below half of WORKER_MEMORY a new consumer starts. worker/prefetch chooses the
 * prefetch, so that only messages already on their way can exceed the limit.
 *
 * A connection that is older than BROKER_MAX_AGE is replaced by another one while no ack is owed. */

#include "ack.h"
#include "backoff.h"
#include "broker.h"
#include "consumers.h"
#include "event.h"
#include "opening.h"
#include "prefetch.h"
#include "settings.h"

enum deliver_state {
    DELIVER_AWAY,     /* no connection; one is being opened, or the next attempt is at next_attempt_us */
    DELIVER_IDLE,     /* connected, not consuming: standby */
    DELIVER_CAREFUL,  /* consuming with a prefetch of 1 */
    DELIVER_FULL,     /* consuming with the full prefetch */
    DELIVER_SATED,    /* connected, consumer cancelled until less memory is held */
    DELIVER_RENEWING, /* connected, consumer cancelled: the connection is old, and closed when no ack is owed
                       */
    DELIVER_STOPPED,  /* connected, consumer cancelled; its deliveries can still be acked */
};

struct deliver {
    const struct worker_settings *settings;
    const char *connection_name;
    enum deliver_state state;
    struct broker *broker;   /* NULL only in DELIVER_AWAY */
    struct opening *opening; /* NULL unless a connection is being opened, in DELIVER_AWAY */
    uint64_t channel;        /* number of the channel: an event can be acked only on the channel it came by */
    struct ack ack;
    struct event_queue arrived; /* delivered, and not yet taken by deliver_take */
    bool answered; /* an event has its outcome: of this channel, of this step of a careful start */
    bool begun;    /* a consumer started since the last deliver_step: deliveries may be unread */
    struct prefetch limit;
    struct consumers consumers;
    int64_t renew_at_us; /* when the connection is old (lib/lifetime), or has begun to be replaced */
    bool replacing;      /* an old connection was closed, and the next is being opened for the first time */
    struct backoff backoff;
    int64_t next_attempt_us;
};

MUST_CHECK enum error_code deliver_init(struct deliver *d, const struct worker_settings *settings,
                                        const char *connection_name, struct error *error);
/* Starts to connect when an attempt is due, without waiting, starts a consumer when `want` is true and there
 * is none, and reads all deliveries that have arrived. Call it at least every 2 s (heartbeats). A lost
 * connection is logged and retried with backoff. */
void deliver_step(struct deliver *d, bool want, int64_t now_us);
/* True when no more events come: the consumer holds its prefetch, or was cancelled for want of memory. */
static inline bool deliver_is_full(const struct deliver *d)
{
    return d->state == DELIVER_SATED ||
           (d->state == DELIVER_FULL && ack_owed(&d->ack) >= d->consumers.prefetch);
}

/* True when deliver_step would start or cancel a consumer now. */
bool deliver_is_due(const struct deliver *d, bool want);
/* Returns the next event that has arrived, or NULL. The caller owns it. */
struct event *deliver_take(struct deliver *d);
/* True while the broker can't be reached: not while an old connection is being replaced. */
bool deliver_is_away(const struct deliver *d);
/* The number of the current channel; 0: there is none. */
uint64_t deliver_channel(const struct deliver *d);
/* Notes that an event of this channel has its outcome: stored, refused, or parked. */
void deliver_answered(struct deliver *d, uint64_t channel);
/* Takes and frees a settled event; the next deliver_flush acks its message, once all its events are settled.
 * An event of an earlier channel is only freed: the broker redelivers its message, and the upsert makes that
 * harmless. */
void deliver_settle(struct deliver *d, struct event *event, int64_t now_us);
/* Frees an event that can't be settled, and rejects its message with requeue, once its other events are
 * settled or given back, too. The broker redelivers it to this worker or another. No other message's delivery
 * count changes. */
void deliver_give_back(struct deliver *d, struct event *event, int64_t now_us);
/* Acks all settled messages; before that, replaces a careful consumer whose first message has its outcome
 * with a full one. A lost connection is logged; the broker redelivers the unacked messages. */
void deliver_flush(struct deliver *d, int64_t now_us);
/* Cancels the consumer and keeps the channel, for a drain. */
void deliver_stop(struct deliver *d, int64_t now_us);
/* Closes the connection: the broker requeues all unacked messages and adds one to each delivery count.
 * deliver_step reconnects. */
void deliver_release(struct deliver *d, int64_t now_us);
/* For poll(); -1 when there is no connection and none is being opened. */
int deliver_fd(const struct deliver *d);
/* Closes the connection and frees everything. */
void deliver_end(struct deliver *d);

#endif

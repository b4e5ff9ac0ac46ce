/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LISTEN_TAIL_H
#define SLUICE_CTL_LISTEN_TAIL_H

/* Receives a copy of each event that enters, through a queue that only this connection uses. The queue is
 * bounded and drops its oldest messages, so a listener that stands still costs the broker little and the
 * gateway nothing. It ends with the connection. */

#include "broker.h"
#include "ctl/options.h"
#include "error.h"
#include "topology.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Messages that the broker sends ahead, and the most that a tail holds. */
#define TAIL_AHEAD 20

/* Zero-initialise. */
struct tail {
    struct broker *broker;
    char queue[TOPOLOGY_NAME_MAX];
    struct broker_delivery *held[TAIL_AHEAD]; /* a ring, from `first` on; owned */
    size_t first, count;
    bool lost;            /* the connection has ended; `why` says how */
    struct error why;     /* valid with `lost` */
    int64_t inspected_us; /* the last time that the queue was inspected */
};

/* Connects, declares the queue, binds it for these sources (none: all) and begins to receive. Errors as for
 * broker_open, and ERROR_REFUSED when the user may not listen. The caller must call tail_close, also after an
 * error. */
MUST_CHECK enum error_code tail_open(struct tail *tail, const struct broker_access *access,
                                     const struct option_texts *sources, struct error *error);
/* Takes what has arrived, without waiting, and serves heartbeats: call it at least every 5 s. */
void tail_read(struct tail *tail);
/* The oldest message, valid until tail_done; NULL: none. Also after the connection was lost. */
const struct broker_delivery *tail_first(const struct tail *tail);
/* Acks the oldest message and frees it. */
void tail_done(struct tail *tail);
/* Asks once a second how many messages wait on the broker. True: the queue is at its bound in number, or
 * within TAIL_AHEAD of it, so it has probably dropped some. Waits up to 5 s for the answer. */
bool tail_is_full(struct tail *tail);
/* Ends the connection, and with it the queue. */
void tail_close(struct tail *tail);

#endif

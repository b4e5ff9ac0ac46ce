/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CONFIRM_H
#define SLUICE_CONFIRM_H

/* The unconfirmed messages of one channel: a ring that maps sequence numbers to the caller's tickets. The
 * numbers are the broker's delivery tags: 1, 2, 3 ... in the order of publishing. Each ticket is passed to
 * `done` exactly once, when it settles. Pure; one thread. */

#include "error.h"

#include <stddef.h>
#include <stdint.h>

enum confirm_outcome {
    CONFIRM_STORED,   /* acked and not returned: the only success */
    CONFIRM_RETURNED, /* acked, but routed to no queue */
    CONFIRM_REFUSED,  /* nacked */
    CONFIRM_LOST,     /* the connection ended first: it may or may not be stored */
};

typedef void confirm_done(void *context, void *ticket, enum confirm_outcome outcome);

struct confirm_entry;

struct confirm {
    struct confirm_entry *ring; /* capacity is a power of two */
    size_t capacity, most;
    uint64_t first; /* the oldest unsettled number; next when there is none */
    uint64_t next;  /* the number of the next message */
    size_t outstanding;
    confirm_done *done;
    void *context;
};

/* Starts empty; the ring grows up to `most` entries (a power of two, at least 16). Allocates nothing yet. */
void confirm_init(struct confirm *c, size_t most, confirm_done *done, void *context);
/* Call it just before publishing the message; at_us is the time. Returns the message's number. Returns 0 when
 * the ring is full, that is, when the oldest unsettled message was `most` messages ago, or without memory. */
MUST_CHECK uint64_t confirm_add(struct confirm *c, void *ticket, int64_t at_us);
/* The broker returned this message; its ack follows. False when no such message is outstanding. */
MUST_CHECK bool confirm_returned(struct confirm *c, uint64_t number);
/* The broker acked (stored) or nacked this tag and, if `multiple`, all before it (tag 0: all). False when the
 * tag was never published or, without `multiple`, is settled already. */
MUST_CHECK bool confirm_settle(struct confirm *c, uint64_t tag, bool multiple, bool stored);
/* Calls visit for every unsettled ticket, oldest first, and changes nothing. */
void confirm_each(const struct confirm *c, void (*visit)(void *ticket));
/* The connection ended: settles every ticket as CONFIRM_LOST. Numbers start at 1 again. */
void confirm_lose(struct confirm *c);
/* When the oldest unsettled message was published; INT64_MAX when there is none. */
int64_t confirm_oldest_us(const struct confirm *c);
/* Frees the ring. No message may be outstanding. */
void confirm_free(struct confirm *c);

#endif

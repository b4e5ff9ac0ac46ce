/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CONFIRM_H
#define SLUICE_CONFIRM_H

/* Which messages of one channel are still unconfirmed: a ring from sequence number to
 * ticket. The numbers are the broker's delivery tags: 1, 2, 3 ... in the order of publishing.
 * Each ticket leaves through `done` exactly once. Pure; one thread. */

#include "error.h"

#include <stddef.h>
#include <stdint.h>

enum confirm_outcome {
    CONFIRM_STORED,   /* acked, and not returned: the only one that is a yes */
    CONFIRM_RETURNED, /* acked, but no queue took it */
    CONFIRM_REFUSED,  /* nacked */
    CONFIRM_LOST,     /* the connection ended first: it may be stored or not */
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

/* It grows to `most` entries (a power of two, at least 16). */
void confirm_init(struct confirm *c, size_t most, confirm_done *done, void *context);
/* Before the message is published; at_us is when. Returns its number, or 0 when `most` span
 * from the oldest unsettled one, or there is no memory. */
MUST_CHECK uint64_t confirm_add(struct confirm *c, void *ticket, int64_t at_us);
/* The broker has returned this message; its ack follows. False: no such message is outstanding. */
MUST_CHECK bool confirm_returned(struct confirm *c, uint64_t number);
/* An ack (stored) or nack of this tag, with multiple also of all before it (tag 0: of all). False: a
 * tag that was never published or, without multiple, is settled already. */
MUST_CHECK bool confirm_settle(struct confirm *c, uint64_t tag, bool multiple, bool stored);
/* Calls visit for every ticket that is still unsettled, the oldest first. It stays so. */
void confirm_each(const struct confirm *c, void (*visit)(void *ticket));
/* The connection ended: every ticket is CONFIRM_LOST, and numbers start at 1 again. */
void confirm_lose(struct confirm *c);
/* When the oldest unsettled message was published; INT64_MAX when there is none. */
int64_t confirm_oldest_us(const struct confirm *c);
/* Nothing may be outstanding. */
void confirm_free(struct confirm *c);

#endif

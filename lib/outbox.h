/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_OUTBOX_H
#define SLUICE_OUTBOX_H

/* Frames on their way to the broker: gathered, then written with one call, so that many small messages cost
 * both sides little. Beside librabbitmq, which reads, and writes all else. For lib/broker. One thread. */

#include "buf.h"
#include "error.h"

#define OUTBOX_MOST (64 * 1024) /* bytes: from here on it is written even while more is gathered */

struct ssl_st;

/* Zero-initialise, then set fd and tls, which stay the connection's. */
struct outbox {
    struct buf bytes;
    int fd;             /* non-blocking */
    struct ssl_st *tls; /* NULL: plain */
};

/* Writes everything and empties the outbox. When the socket is full, it waits until TCP_USER_TIMEOUT ends the
 * connection. ERROR_MEMORY (frames are missing), ERROR_CLOSED, ERROR_TIMEOUT: part of a message may be
 * written, so the connection can only be closed. */
MUST_CHECK enum error_code outbox_flush(struct outbox *outbox, struct error *error);
void outbox_free(struct outbox *outbox);

#endif

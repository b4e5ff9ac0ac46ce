/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CROWD_H
#define SLUICE_CROWD_H

/* The open connections of a libmicrohttpd listener: at most CROWD_MAX, so that idle clients hold up nobody.
 * The next one evicts the oldest. Only the listener's thread uses it. */

#include "metrics.h"

#include <microhttpd.h>
#include <stddef.h>

#define CROWD_MAX 64
/* libmicrohttpd's limit, at which it stops accepting. It is never reached: libmicrohttpd accepts at most 10
 * connections before it handles those that were shut down. */
#define CROWD_HARD 128u

/* Zero-initialise. */
struct crowd {
    struct metric *evictions; /* counts them; may be NULL */
    /* Oldest first. The first `evicted` of them are shut down already. */
    struct MHD_Connection *connections[CROWD_HARD];
    size_t count, evicted;
};

/* For MHD_OPTION_NOTIFY_CONNECTION; crowd: the struct crowd. */
void crowd_notify(void *crowd, struct MHD_Connection *connection, void **own,
                  enum MHD_ConnectionNotificationCode what);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_DEPTHS_H
#define SLUICE_WORKER_DEPTHS_H

/* Shows how many messages wait in the queues of events and in the queue of those that the broker gave up.
 * Once a minute a thread of its own asks over a connection of its own (lib/opening): on the consumer's
 * channel a missing queue would cost all its messages a delivery, and waiting would stop the loop. One
 * thread. */

#include "opening.h"
#include "settings.h"

struct depths {
    const struct worker_settings *settings;
    const char *connection_name;
    struct opening *opening; /* NULL unless the broker is being asked */
    int64_t next_us;         /* when it is asked again; 0: at once */
};

/* Before threads start. */
void depths_register(void);
/* Asks when it is time to, without waiting. away: the worker has no connection to the broker; the depths are
 * then unknown, and it is asked as soon as that is over. */
void depths_step(struct depths *d, bool away, int64_t now_us);
void depths_end(struct depths *d);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_READINESS_H
#define SLUICE_WORKER_READINESS_H

/* Decides whether this worker is ready, and what it says when it is not. One thread. */

#include "admin.h"
#include "deliver.h"
#include "place.h"
#include "retry.h"

/* What readiness depends on. */
struct readiness {
    bool draining;
    bool failing;      /* for some seconds nothing could be stored */
    bool needs_repair; /* and for a reason that only a person can mend */
    size_t braked;     /* sources most of whose events are refused */
    bool storing;      /* events of others were stored in the last seconds */
    bool newer;        /* envelopes of a later release arrive */
    bool standstill;   /* it consumes nothing, since nothing of what it holds is stored */
    bool away;         /* the broker can't be reached */
    enum place_lack lack;
    enum deliver_state deliver;
    enum retry_trouble retry;
};

/* Before threads start. */
void readiness_register(void);
/* Shows it at the admin listener, and by two gauges: standby and paused. */
void readiness_show(const struct readiness *readiness, struct admin *admin);

#endif

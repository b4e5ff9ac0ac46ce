/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_LOAD_H
#define SLUICE_GATEWAY_LOAD_H

/* Counts of what is owed: open connections (each holds a thread, idle or not), requests
 * that have begun, and those of them that wait for a confirm. Any thread may call
 * everything here. */

#include <stdatomic.h>
#include <stdbool.h>

/* Zero-initialise but for the limits. */
struct admission {
    int threads;       /* as many connections are served at once */
    int in_flight_max; /* as many requests may wait for a confirm */
    atomic_int connections;
    atomic_int requests;
    atomic_int waiting;
    atomic_bool draining;
};

void admission_register(void);
void admission_connected(struct admission *a);
void admission_disconnected(struct admission *a);
/* A request has begun; to be ended by admission_end in either case. False: draining, refuse it. */
bool admission_begin(struct admission *a);
void admission_end(struct admission *a);
/* False: in_flight_max wait already; otherwise to be ended by admission_leave. */
bool admission_enter(struct admission *a);
void admission_leave(struct admission *a);
/* True when so few threads are left (an eighth) that connections are not to be kept idle. */
bool admission_crowded(const struct admission *a);
/* From now on admission_begin refuses. */
void admission_drain(struct admission *a);
bool admission_is_draining(const struct admission *a);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_LOAD_H
#define SLUICE_GATEWAY_LOAD_H

/* Counts of what is owed: open connections (each holds a thread, idle or not), requests
 * that have begun, and those of them that wait for a confirm. Any thread may call
 * everything here. */

#include <stdatomic.h>
#include <stdbool.h>

/* Zero-initialise but for the limits. */
struct load {
    int threads;       /* as many connections are served at once */
    int in_flight_max; /* as many requests may wait for a confirm */
    atomic_int connections;
    atomic_int requests;
    atomic_int waiting;
    atomic_bool lame_duck;
    atomic_bool draining;
};

void load_register(void);
void load_connected(struct load *a);
void load_disconnected(struct load *a);
/* A request has begun; to be ended by load_end in either case. False: draining, refuse it. */
bool load_begin(struct load *a);
void load_end(struct load *a);
/* True when in_flight_max wait, so that load_enter would be false now. */
bool load_is_full(const struct load *a);
/* False: in_flight_max wait already; otherwise to be ended by load_leave. */
bool load_enter(struct load *a);
void load_leave(struct load *a);
/* False: a connection is to be closed after its reply, as so few threads are left (an eighth) that none
 * should idle, or as a stop has begun. */
bool load_keeps_alive(const struct load *a);
/* A stop has begun: requests are served as before, and load_keeps_alive is false. */
void load_lame_duck(struct load *a);
/* From now on load_begin refuses. */
void load_drain(struct load *a);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_LOAD_H
#define SLUICE_GATEWAY_LOAD_H

/* Counts the gateway's load: open connections (each holds a thread, even when idle), requests that have
 * begun, requests that wait for a confirm, and the memory of bodies. Any thread may call everything here. */

#include "body_memory.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Zero-initialise except for the limits. */
struct load {
    int threads;       /* most connections served at once */
    int in_flight_max; /* most requests that may wait for a confirm */
    struct body_memory bodies;
    atomic_int connections;
    atomic_int requests;
    atomic_int waiting;
    atomic_bool lame_duck;
    atomic_bool draining;
};

void load_register(void);
void load_connected(struct load *a);
void load_disconnected(struct load *a);
/* A request has begun; the caller calls load_end in either case. False when draining: refuse the request. */
bool load_begin(struct load *a);
void load_end(struct load *a);
/* True when in_flight_max requests wait: load_enter would return false now. */
bool load_is_full(const struct load *a);
/* A request is about to wait for a confirm. False when in_flight_max requests already wait; if true, the
 * caller calls load_leave. */
bool load_enter(struct load *a);
void load_leave(struct load *a);
/* False when connections must be closed after their reply: less than an eighth of the threads are free, or
 * shutdown has begun. */
bool load_keeps_alive(const struct load *a);
/* Shutdown has begun: requests are still served, and load_keeps_alive returns false from now on. */
void load_lame_duck(struct load *a);
/* From now on load_begin returns false. */
void load_drain(struct load *a);

#endif

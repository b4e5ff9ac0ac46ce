/* SPDX-License-Identifier: MIT */
#include "load.h"

#include "metrics.h"

enum { CONNECTIONS, WAITING, GAUGES };
static struct metric gauges[GAUGES] = {
    [CONNECTIONS] = {"sluice_gateway_connections", NULL,
                     "Open connections from senders; each holds a thread.", METRIC_GAUGE, 0},
    [WAITING] = {"sluice_gateway_waiting", NULL, "Requests waiting for the broker's confirm.", METRIC_GAUGE,
                 0},
};

void load_register(void)
{
    metrics_register(gauges, GAUGES);
    body_memory_register();
}

void load_connected(struct load *a)
{
    (void)atomic_fetch_add(&a->connections, 1);
    metric_add(&gauges[CONNECTIONS], 1);
}

void load_disconnected(struct load *a)
{
    (void)atomic_fetch_sub(&a->connections, 1);
    metric_add(&gauges[CONNECTIONS], -1);
}

/* Counts the request before it reads the flag; a drain sets the flag before it reads the count. So either the
 * request is refused or the drain waits for it. */
bool load_begin(struct load *a)
{
    (void)atomic_fetch_add(&a->requests, 1);
    return !atomic_load(&a->draining);
}

void load_end(struct load *a)
{
    (void)atomic_fetch_sub(&a->requests, 1);
}

bool load_is_full(const struct load *a)
{
    return atomic_load_explicit(&a->waiting, memory_order_relaxed) >= a->in_flight_max;
}

bool load_enter(struct load *a)
{
    if (atomic_fetch_add(&a->waiting, 1) >= a->in_flight_max) {
        (void)atomic_fetch_sub(&a->waiting, 1);
        return false;
    }
    metric_add(&gauges[WAITING], 1);
    return true;
}

void load_leave(struct load *a)
{
    (void)atomic_fetch_sub(&a->waiting, 1);
    metric_add(&gauges[WAITING], -1);
}

bool load_keeps_alive(const struct load *a)
{
    return atomic_load_explicit(&a->connections, memory_order_relaxed) <= a->threads - a->threads / 8 &&
           !atomic_load(&a->lame_duck);
}

void load_lame_duck(struct load *a)
{
    atomic_store(&a->lame_duck, true);
}

void load_drain(struct load *a)
{
    atomic_store(&a->draining, true);
}

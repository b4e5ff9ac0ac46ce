/* SPDX-License-Identifier: MIT */
#include "load.h"

#include "metrics.h"

enum { CONNECTIONS, WAITING, GAUGES };
static struct metric gauges[GAUGES] = {
    [CONNECTIONS] = {"sluice_gateway_connections", NULL, "Open connections of senders; each holds a thread.",
                     METRIC_GAUGE, 0},
    [WAITING] = {"sluice_gateway_waiting", NULL, "Requests that wait for the broker's confirm.", METRIC_GAUGE,
                 0},
};

void admission_register(void)
{
    metrics_register(gauges, GAUGES);
}

void admission_connected(struct admission *a)
{
    (void)atomic_fetch_add(&a->connections, 1);
    metric_add(&gauges[CONNECTIONS], 1);
}

void admission_disconnected(struct admission *a)
{
    (void)atomic_fetch_sub(&a->connections, 1);
    metric_add(&gauges[CONNECTIONS], -1);
}

/* Counted before the flag is read, as admission_drain's caller reads the count
 * after it has set the flag: one of both sees the other. */
bool admission_begin(struct admission *a)
{
    (void)atomic_fetch_add(&a->requests, 1);
    return !atomic_load(&a->draining);
}

void admission_end(struct admission *a)
{
    (void)atomic_fetch_sub(&a->requests, 1);
}

bool admission_enter(struct admission *a)
{
    if (atomic_fetch_add(&a->waiting, 1) >= a->in_flight_max) {
        (void)atomic_fetch_sub(&a->waiting, 1);
        return false;
    }
    metric_add(&gauges[WAITING], 1);
    return true;
}

void admission_leave(struct admission *a)
{
    (void)atomic_fetch_sub(&a->waiting, 1);
    metric_add(&gauges[WAITING], -1);
}

bool admission_crowded(const struct admission *a)
{
    return atomic_load_explicit(&a->connections, memory_order_relaxed) > a->threads - a->threads / 8;
}

void admission_drain(struct admission *a)
{
    atomic_store(&a->draining, true);
}

bool admission_is_draining(const struct admission *a)
{
    return atomic_load(&a->draining);
}

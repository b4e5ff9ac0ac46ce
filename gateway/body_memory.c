/* SPDX-License-Identifier: MIT */
#include "body_memory.h"

#include "metrics.h"

#include <malloc.h>

#define STEP 4096          /* bodies take whole pages */
#define LARGE (128 * 1024) /* the initial value of M_MMAP_THRESHOLD; it would grow to 32 MiB with use */

static struct metric gauge[] = {
    {"sluice_gateway_body_bytes", NULL, "Memory taken by bodies, of GATEWAY_BODY_MEMORY.", METRIC_GAUGE, 0},
};

void body_memory_register(void)
{
    metrics_register(gauge, 1);
    (void)mallopt(M_MMAP_THRESHOLD, LARGE);
}

/* Counts, then compares, so that two bodies never take the same bytes. */
static bool take(struct body_memory *memory, int64_t bytes)
{
    if (atomic_fetch_add(&memory->taken, bytes) + bytes > memory->most) {
        (void)atomic_fetch_sub(&memory->taken, bytes);
        return false;
    }
    metric_add(&gauge[0], bytes);
    return true;
}

enum body_room body_reserve(struct body *body, size_t len)
{
    int64_t need = ((int64_t)body->bytes.len + (int64_t)len + STEP - 1) / STEP * STEP;

    if (need > body->taken) {
        if (!take(body->memory, need - body->taken)) {
            return BODY_ROOM_BUSY;
        }
        body->taken = need;
    }
    return buf_reserve(&body->bytes, len) ? BODY_ROOM : BODY_ROOM_NONE;
}

void body_free(struct body *body)
{
    buf_free(&body->bytes);
    if (body->taken > 0) {
        (void)atomic_fetch_sub(&body->memory->taken, body->taken);
        metric_add(&gauge[0], -body->taken);
        body->taken = 0;
    }
}

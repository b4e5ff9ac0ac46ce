/* SPDX-License-Identifier: MIT */
#include "body_memory.h"

#include "metrics.h"

#include <malloc.h>
#include <pthread.h>

#define STEP 4096 /* bodies take whole pages */
/* The initial value of M_MMAP_THRESHOLD, which would grow to 32 MiB with use. The system gives a buffer of
 * more bytes its memory page by page, as bytes arrive. All bodies of less take 32 MiB at most with 256
 * threads. */
#define LARGE (128 * 1024)

static struct metric gauge[] = {
    {"sluice_gateway_body_bytes", NULL, "Memory taken by bodies, of GATEWAY_BODY_MEMORY.", METRIC_GAUGE, 0},
};

/* Held while a body is refused, until it has given back its bytes. So whoever holds it sees no bytes of
 * another that is refused: the last body to be refused finds the place held by bodies that never are. */
static pthread_mutex_t refusing = PTHREAD_MUTEX_INITIALIZER;

void body_memory_register(void)
{
    metrics_register(gauge, 1);
    (void)mallopt(M_MMAP_THRESHOLD, LARGE);
}

static int64_t pages(size_t len)
{
    return ((int64_t)len + STEP - 1) / STEP * STEP;
}

void body_memory_reserve(struct body_memory *memory, size_t largest)
{
    int64_t room = pages(largest), half = memory->most / 2;

    atomic_store(&memory->reserved, room < half ? room : half);
}

/* The sum never counts bytes that are refused: they could make others be refused. */
static bool add_up_to(_Atomic int64_t *sum, int64_t bytes, int64_t most)
{
    int64_t before = atomic_load(sum);

    do {
        if (before + bytes > most) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(sum, &before, before + bytes));
    return true;
}

/* Most bytes that the body and all others may hold together. */
static int64_t most_for(const struct body *body)
{
    const struct body_memory *memory = body->memory;
    bool favoured = body->favoured || (body->origin != NULL && body->origin->favoured);

    return favoured ? memory->most : memory->most - atomic_load(&memory->reserved);
}

/* Favours the body unless there is a favoured one. */
static bool favour(struct body *body)
{
    body->favoured = body->favoured || !atomic_exchange(&body->memory->favours, true);
    return body->favoured;
}

static bool add(struct body *body, int64_t bytes)
{
    _Atomic int64_t *taken = &body->memory->taken;

    return add_up_to(taken, bytes, most_for(body)) ||
           (favour(body) && add_up_to(taken, bytes, most_for(body)));
}

static bool fits(struct body *body, int64_t bytes)
{
    int64_t sum = atomic_load(&body->memory->taken) + bytes;

    return sum <= most_for(body) || (favour(body) && sum <= most_for(body));
}

/* Calls add or fits once more, when no other body is being refused; without room, this one is. */
static bool again_or_refuse(bool (*call)(struct body *, int64_t), struct body *body, int64_t bytes)
{
    bool fine;

    (void)pthread_mutex_lock(&refusing);
    fine = call(body, bytes);
    if (!fine) {
        body_free(body);
        if (body->origin != NULL) {
            body_free(body->origin);
        }
    }
    (void)pthread_mutex_unlock(&refusing);
    return fine;
}

static bool take(struct body *body, int64_t bytes)
{
    if (!add(body, bytes) && !again_or_refuse(add, body, bytes)) {
        return false;
    }
    metric_add(&gauge[0], bytes);
    body->taken += bytes;
    return true;
}

static void set_ahead(struct body *body, int64_t bytes)
{
    (void)atomic_fetch_sub(&body->memory->ahead, body->ahead - bytes);
    body->ahead = bytes;
}

static enum body_room in_memory(struct body *body, size_t len)
{
    return buf_reserve(&body->bytes, len) ? BODY_ROOM : BODY_ROOM_NONE;
}

enum body_room body_announce(struct body *body, size_t len)
{
    struct body_memory *memory = body->memory;
    int64_t need = pages(len);

    if (need > LARGE) {
        if (!add_up_to(&memory->ahead, need, memory->most / 2)) {
            return fits(body, need) || again_or_refuse(fits, body, need) ? in_memory(body, len)
                                                                         : BODY_ROOM_BUSY;
        }
        body->ahead = need;
    }
    return take(body, need) ? in_memory(body, len) : BODY_ROOM_BUSY;
}

enum body_room body_reserve(struct body *body, size_t len)
{
    int64_t need = pages(body->bytes.len + len);

    if (need > body->taken && !take(body, need - body->taken)) {
        return BODY_ROOM_BUSY;
    }
    if (body->ahead > 0) {
        set_ahead(body, body->taken - need);
    }
    return in_memory(body, len);
}

void body_free(struct body *body)
{
    buf_free(&body->bytes);
    if (body->ahead > 0) {
        set_ahead(body, 0);
    }
    if (body->taken > 0) {
        (void)atomic_fetch_sub(&body->memory->taken, body->taken);
        metric_add(&gauge[0], -body->taken);
        body->taken = 0;
    }
    if (body->favoured) { /* last: the next one finds the reserve free */
        body->favoured = false;
        atomic_store(&body->memory->favours, false);
    }
}

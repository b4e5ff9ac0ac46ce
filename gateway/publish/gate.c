/* SPDX-License-Identifier: MIT */
#include "gate.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SLOW_US CLOCK_US_PER_S /* a confirm normally takes milliseconds */

enum error_code gate_init(struct gate *g, struct error *error)
{
    *g = (struct gate){
        .wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
        .oldest_us = INT64_MAX,
        .state = GATE_SHUT(OUTCOME_AWAY),
        .told = GATE_SHUT(OUTCOME_AWAY),
    };
    return g->wake_fd < 0 ? error_set(error, ERROR_SYSTEM, "eventfd: %s", strerror(errno)) : ERROR_NONE;
}

void gate_free(struct gate *g)
{
    (void)close(g->wake_fd);
}

struct gate_state gate_state(const struct gate *g)
{
    return atomic_load(&g->state);
}

struct gate_state gate_look(const struct gate *g)
{
    struct gate_state state = gate_state(g);
    int64_t oldest = atomic_load(&g->oldest_us);

    if (state.open && oldest != INT64_MAX && clock_monotonic_us() - oldest > SLOW_US) {
        return GATE_SHUT(OUTCOME_SLOW);
    }
    return state;
}

struct gate_state gate_prospect(const struct gate *g)
{
    struct gate_state state = gate_look(g);

    return state.open && atomic_load(&g->refused) ? GATE_SHUT(OUTCOME_NACKED) : state;
}

struct gate_state gate_tell(struct gate *g)
{
    struct gate_state prospect = gate_prospect(g);

    atomic_store(&g->told, prospect);
    return prospect;
}

bool gate_has_news(const struct gate *g)
{
    struct gate_state prospect = gate_prospect(g), told = atomic_load(&g->told);

    return prospect.open != told.open || prospect.why != told.why;
}

void gate_wake(struct gate *g)
{
    const uint64_t one = 1;

    (void)!write(g->wake_fd, &one, sizeof one);
}

void gate_submit(struct gate *g, struct pending *e)
{
    struct gate_state state;

    pending_push(&g->waiting, e);
    state = gate_state(g);
    if (!state.open) {
        pending_complete(e, state.why); /* gate_set may have emptied the queue just before the push */
    }
    if (atomic_exchange(&g->asleep, false)) {
        gate_wake(g);
    }
}

void gate_refuse_waiting(struct gate *g)
{
    enum outcome why = gate_state(g).why;
    struct pending *e = pending_take(&g->waiting);

    while (e != NULL) {
        struct pending *next = e->next;

        pending_finish(e, why);
        e = next;
    }
}

/* Sets the state before it empties the queue. gate_submit pushes before it reads the state, so every event is
 * either refused here or finds the gate shut. */
void gate_set(struct gate *g, struct gate_state state)
{
    atomic_store(&g->state, state);
    if (!state.open) {
        gate_refuse_waiting(g);
    }
}

void gate_sleep(struct gate *g, int fd, int timeout_ms)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = g->wake_fd, .events = POLLIN}};
    uint64_t count;

    atomic_store(&g->asleep, true);
    if (pending_line_is_empty(&g->waiting)) {
        (void)poll(fds, 2, timeout_ms);
    }
    atomic_store(&g->asleep, false);
    if (fds[1].revents != 0) {
        (void)!read(g->wake_fd, &count, sizeof count);
    }
}

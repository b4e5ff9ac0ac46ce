/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_GATE_H
#define SLUICE_GATEWAY_PUBLISH_GATE_H

/* The way from requests' threads to one publisher's thread: the events that wait to be published, and whether
 * an event may wait at all. A shut gate refuses at once: no thread waits for what can't come. */

#include "error.h"
#include "gateway/reply.h"
#include "pending.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct gate_state {
    bool open;
    enum outcome why; /* when shut: what every event meets */
};

#define GATE_OPEN ((struct gate_state){.open = true})
#define GATE_SHUT(outcome) ((struct gate_state){.open = false, .why = (outcome)})

struct gate {
    struct pending_line waiting;
    int wake_fd;               /* readable after gate_wake */
    atomic_bool asleep;        /* in gate_sleep: a new event must wake it */
    _Atomic int64_t oldest_us; /* when the oldest unconfirmed message was published; INT64_MAX: none. Set by
                                  the publisher */
    _Atomic struct gate_state state;
};

/* Shut by OUTCOME_AWAY. To be ended by gate_free, unless it fails: ERROR_SYSTEM. */
MUST_CHECK enum error_code gate_init(struct gate *gate, struct error *error);
void gate_free(struct gate *gate);

/* Any thread. */
struct gate_state gate_state(const struct gate *gate);
/* What an event handed over now would meet: as gate_state, or OUTCOME_SLOW when the oldest confirm is missing
 * for more than 1 s. Never waits. */
struct gate_state gate_look(const struct gate *gate);
/* Hands over one of the event's two holds. */
void gate_submit(struct gate *gate, struct pending *event);
/* Ends a gate_sleep, or the next one. */
void gate_wake(struct gate *gate);

/* The publisher's thread only. */
/* Opens or shuts it; a shut one refuses the events that wait. */
void gate_set(struct gate *gate, struct gate_state state);
/* Refuses the events that were handed over since the gate was shut. */
void gate_refuse_waiting(struct gate *gate);
/* Waits for an event, for gate_wake or for fd to be readable; at most timeout_ms. */
void gate_sleep(struct gate *gate, int fd, int timeout_ms);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_GATE_H
#define SLUICE_GATEWAY_PUBLISH_GATE_H

/* The queue from the request threads to one publisher's thread, and whether it accepts events. A shut gate
 * refuses events at once, so that no thread waits for a confirm that cannot come. */

#include "error.h"
#include "gateway/reply.h"
#include "pending.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct gate_state {
    bool open;
    enum outcome why; /* when shut: the outcome of every event */
};

#define GATE_OPEN ((struct gate_state){.open = true})
#define GATE_SHUT(outcome) ((struct gate_state){.open = false, .why = (outcome)})

struct gate {
    struct pending_line waiting;
    int wake_fd;               /* readable after gate_wake */
    atomic_bool asleep;        /* the publisher is in gate_sleep: a new event must wake it */
    _Atomic int64_t oldest_us; /* when the oldest unconfirmed message was published; INT64_MAX: none. Set by
                                  the publisher */
    atomic_bool refused;       /* the broker only refuses on this connection. Set by the publisher */
    _Atomic struct gate_state state;
    _Atomic struct gate_state told; /* what gate_tell returned last */
};

/* Initialises a gate, shut with OUTCOME_AWAY. The caller frees it with gate_free, unless this fails with
 * ERROR_SYSTEM. */
MUST_CHECK enum error_code gate_init(struct gate *gate, struct error *error);
void gate_free(struct gate *gate);

/* Any thread. */
struct gate_state gate_state(const struct gate *gate);
/* As gate_state, but shut with OUTCOME_SLOW when the oldest confirm has been missing for more than 1 s. Never
 * waits. */
struct gate_state gate_look(const struct gate *gate);
/* As gate_look, but shut with OUTCOME_NACKED when the broker only refuses on this connection: another
 * publisher had better be taken. An event is still tried when there is none. Never waits. */
struct gate_state gate_prospect(const struct gate *gate);
/* As gate_prospect, and remembers it. */
struct gate_state gate_tell(struct gate *gate);
/* True when gate_prospect differs from what gate_tell returned last. Never waits. */
bool gate_has_news(const struct gate *gate);
/* Queues an event and hands over one of its two references. A shut gate completes it at once. */
void gate_submit(struct gate *gate, struct pending *event);
/* Ends the current gate_sleep, or the next one. */
void gate_wake(struct gate *gate);

/* The rest: the publisher's thread only. */

/* Opens or shuts the gate; shutting refuses the queued events. */
void gate_set(struct gate *gate, struct gate_state state);
/* Refuses the events that were queued since the gate was shut. */
void gate_refuse_waiting(struct gate *gate);
/* Waits until an event is queued, gate_wake is called or fd is readable; at most timeout_ms. */
void gate_sleep(struct gate *gate, int fd, int timeout_ms);

#endif

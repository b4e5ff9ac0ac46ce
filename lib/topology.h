/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_TOPOLOGY_H
#define SLUICE_TOPOLOGY_H

/* Every exchange, queue, binding, policy, user and right on the broker: names
 * and arguments stand here and nowhere else. Pure data: `sluice setup` declares
 * it, gateway and worker only use it. */

#include "error.h"

#include <stddef.h>
#include <stdint.h>

#define TOPOLOGY_EVENTS "webhooks"        /* exchange: events, routing key = source */
#define TOPOLOGY_INGEST "webhooks.ingest" /* queue: the work */
#define TOPOLOGY_AGAIN "webhooks.again"   /* exchange: our own retries on their way back */
#define TOPOLOGY_DEAD "webhooks.dead"     /* exchange and queue: what the broker gives up */

/* A queue's delivery limit, as policy: how often it may come back before the
 * broker gives it up. Positive on purpose: -1 means "at once" on RabbitMQ 3.10. */
#define TOPOLOGY_DELIVERY_LIMIT 100

/* Of two policies that fit a queue the broker takes the one with the higher priority: ours wins over what an
 * operator has made for all queues, which is usually of priority 0. */
#define TOPOLOGY_POLICY_PRIORITY 100
/* The bound on a queue's bytes where nobody has said another. */
#define TOPOLOGY_QUEUE_BYTES (INT64_C(1) << 30)
#define TOPOLOGY_QUEUE_BYTES_LEAST (INT64_C(1) << 20)

#define TOPOLOGY_DELAYS_MAX 8
#define TOPOLOGY_DELAY_MOST_S (24 * 60 * 60)
#define TOPOLOGY_NAME_MAX 48
#define TOPOLOGY_EXCHANGES_MAX (3 + 2 * TOPOLOGY_DELAYS_MAX)
#define TOPOLOGY_QUEUES_MAX (2 + 2 * TOPOLOGY_DELAYS_MAX)
#define TOPOLOGY_BINDINGS_MAX (3 + 2 * TOPOLOGY_DELAYS_MAX)

/* NOLINTBEGIN(bugprone-macro-parentheses): a member takes none. */
/* The row of a config table (lib/config) that fills the struct config_durations `at` of the struct `owner`.
 */
#define TOPOLOGY_DELAYS_SETTING(owner, at)                                                           \
    {                                                                                                \
        .name = "DELAYS", .type = CONFIG_DURATIONS, .offset = offsetof(owner, at),                   \
        .fallback = "10s,60s,600s", .min = INT64_C(1000000), .max = INT64_C(24) * 60 * 60 * 1000000, \
        .help = "waits of the delay and retry queues, whole seconds"                                 \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

struct topology_argument {
    const char *name;
    const char *text; /* NULL: it is the number */
    int64_t number;
};

struct topology_exchange {
    char name[TOPOLOGY_NAME_MAX];
    const char *type; /* "topic" or "fanout"; all are durable */
};

struct topology_queue {
    char name[TOPOLOGY_NAME_MAX];
    struct topology_argument arguments[6]; /* name NULL ends; all queues are durable */
};

struct topology_binding {
    char exchange[TOPOLOGY_NAME_MAX];
    char queue[TOPOLOGY_NAME_MAX];
    const char *key;
};

struct topology_policy {
    const char *name;
    const char *pattern;      /* of queue names */
    int64_t max_length_bytes; /* 0: as it is, where there is one, else TOPOLOGY_QUEUE_BYTES */
    int delivery_limit;       /* 0: none */
};

struct topology_user {
    const char *name;
    const char *configure, *write, *read; /* regular expressions on names */
};

struct topology {
    struct topology_exchange exchanges[TOPOLOGY_EXCHANGES_MAX];
    size_t exchange_count;
    struct topology_queue queues[TOPOLOGY_QUEUES_MAX];
    size_t queue_count;
    struct topology_binding bindings[TOPOLOGY_BINDINGS_MAX];
    size_t binding_count;
    struct topology_policy policies[2];
    size_t policy_count;
};

/* The users that setup makes beside its own, with the least rights that do. */
extern const struct topology_user topology_gateway_user;
extern const struct topology_user topology_worker_user;

/* Fills *topology for these delays (whole seconds, ascending, from DELAYS) and
 * this bound on each queue's bytes (0: as it is). ERROR_SETTING names a delay that isn't a whole
 * number of seconds from 1 s to 24 h, or more than TOPOLOGY_DELAYS_MAX of them, or a bound below
 * TOPOLOGY_QUEUE_BYTES_LEAST. */
MUST_CHECK enum error_code topology_build(struct topology *topology, const int64_t *delays_us, size_t count,
                                          int64_t queue_max_bytes, struct error *error);
/* Whether delays can be waiting rooms: see topology_build. */
MUST_CHECK enum error_code topology_check_delays(const int64_t *delays_us, size_t count, struct error *error);
/* The exchange that brings a message back to the workers, and to nobody else, after delay_us: one of the
 * whole seconds in DELAYS. */
void topology_retry(char name[TOPOLOGY_NAME_MAX], int64_t delay_us);
/* The exchange that an event enters by: TOPOLOGY_EVENTS, or with a delay (one of the whole seconds in DELAYS)
 * the one that passes it on to TOPOLOGY_EVENTS after that time. */
void topology_entry(char name[TOPOLOGY_NAME_MAX], int64_t delay_us);

#endif

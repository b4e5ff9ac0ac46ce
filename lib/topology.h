/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_TOPOLOGY_H
#define SLUICE_TOPOLOGY_H

/* All exchanges, queues, bindings, policies, users and permissions on the broker. No other file contains
 * their names and arguments. Pure data: `sluice setup` declares it; gateway and worker only use it. */

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOPOLOGY_PREFIX "webhooks."       /* of the names of all queues */
#define TOPOLOGY_EVENTS "webhooks"        /* exchange: events, routing key = source */
#define TOPOLOGY_INGEST "webhooks.ingest" /* queue: what the workers consume */
#define TOPOLOGY_AGAIN "webhooks.again"   /* exchange: from the retry queues back to the workers */
#define TOPOLOGY_SHARDS                                                                                      \
    "webhooks.shards"                      /* exchange: with several ingest queues, spreads events over them \
                                            */
#define TOPOLOGY_DEAD "webhooks.dead"      /* exchange and queue: messages dead-lettered by the broker */
#define TOPOLOGY_LISTEN "webhooks.listen." /* and a number: the queue of one `sluice listen` */

/* The queues' delivery limit, set by policy: how many redeliveries a message gets before the broker
 * dead-letters it. Must be positive: to RabbitMQ 3.10, -1 means "dead-letter at once". */
#define TOPOLOGY_DELIVERY_LIMIT 100

/* When several policies match a queue, the broker applies the one with the highest priority. Ours must win
 * over an operator's policy for all queues, which usually has priority 0. */
#define TOPOLOGY_POLICY_PRIORITY 100
/* The default limit on the bytes in a queue. */
#define TOPOLOGY_QUEUE_BYTES (INT64_C(1) << 30)
#define TOPOLOGY_QUEUE_BYTES_LEAST (INT64_C(1) << 20)

/* Bounds of a listener's queue: above them the broker drops the oldest messages. It deletes the queue after
 * this long without a consumer. */
#define TOPOLOGY_LISTEN_LENGTH 1000
#define TOPOLOGY_LISTEN_BYTES (INT64_C(16) << 20)
#define TOPOLOGY_LISTEN_EXPIRES_MS 60000

/* How many nodes of a cluster hold each queue: it works as long as two of three are there, and more members
 * would only make it slower. */
#define TOPOLOGY_MEMBERS 3

/* How many ingest queues there may be. Each is a Raft log of its own, with a leader of its own. */
#define TOPOLOGY_SHARDS_MAX 16

/* RabbitMQ's plugin that has the type of TOPOLOGY_SHARDS, and what to do where it is missing. */
#define TOPOLOGY_SHARDS_PLUGIN "rabbitmq_consistent_hash_exchange"
#define TOPOLOGY_SHARDS_REMEDY                                                                     \
    "run `rabbitmq-plugins enable " TOPOLOGY_SHARDS_PLUGIN "` on each node of the broker, or set " \
    "QUEUE_SHARDS=1"

#define TOPOLOGY_DELAYS_MAX 8
#define TOPOLOGY_DELAY_MOST_S (24 * 60 * 60)
#define TOPOLOGY_NAME_MAX 48
#define TOPOLOGY_EXCHANGES_MAX (5 + 2 * TOPOLOGY_DELAYS_MAX)
#define TOPOLOGY_QUEUES_MAX (1 + TOPOLOGY_SHARDS_MAX + 2 * TOPOLOGY_DELAYS_MAX)
#define TOPOLOGY_BINDINGS_MAX (4 + TOPOLOGY_SHARDS_MAX + 2 * TOPOLOGY_DELAYS_MAX)
#define TOPOLOGY_RETIRED_MAX (2 + TOPOLOGY_SHARDS_MAX)

/* NOLINTBEGIN(bugprone-macro-parentheses): a member's name can't be in parentheses. */
/* The row of a config table (lib/config) that fills member `at`, a struct config_durations, of the struct
 * `owner`. */
#define TOPOLOGY_DELAYS_SETTING(owner, at)                                                           \
    {                                                                                                \
        .name = "DELAYS", .type = CONFIG_DURATIONS, .offset = offsetof(owner, at),                   \
        .fallback = "10s,60s,600s", .min = INT64_C(1000000), .max = INT64_C(24) * 60 * 60 * 1000000, \
        .help = "delays of the delay and retry queues, in whole seconds"                             \
    }
/* The row that fills the int64_t `at`: how many ingest queues there are. */
#define TOPOLOGY_SHARDS_SETTING(owner, at)                                                              \
    {                                                                                                   \
        .name = "QUEUE_SHARDS", .type = CONFIG_INTEGER, .offset = offsetof(owner, at), .fallback = "1", \
        .min = 1, .max = TOPOLOGY_SHARDS_MAX,                                                           \
        .help = "queues that the events are spread over, as many as sluice setup was told"              \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

struct topology_argument {
    const char *name;
    const char *text; /* NULL when the value is `number` */
    int64_t number;
};

struct topology_exchange {
    char name[TOPOLOGY_NAME_MAX];
    const char *type;                      /* all are durable */
    struct topology_argument arguments[3]; /* name NULL ends */
};

struct topology_queue {
    char name[TOPOLOGY_NAME_MAX];
    struct topology_argument arguments[6]; /* name NULL ends; all queues are durable */
};

struct topology_binding {
    char exchange[TOPOLOGY_NAME_MAX]; /* messages come from it */
    char to[TOPOLOGY_NAME_MAX];       /* a queue, or an exchange */
    bool to_exchange;
    const char *key;
};

struct topology_policy {
    const char *name;
    const char *pattern;      /* of queue names */
    int64_t max_length_bytes; /* 0: keep the present limit; TOPOLOGY_QUEUE_BYTES if there is none */
    int delivery_limit;       /* 0: none */
    bool listening;           /* adds the other bounds of a listener's queue */
};

struct topology_user {
    const char *name;
    const char *configure, *write, *read; /* permissions: regular expressions that match names */
    const char *tag; /* what it may see through the management API, as the broker names it; NULL: nothing */
};

struct topology {
    size_t shards; /* how many of the queues are ingest queues */
    struct topology_exchange exchanges[TOPOLOGY_EXCHANGES_MAX];
    size_t exchange_count;
    struct topology_queue queues[TOPOLOGY_QUEUES_MAX];
    size_t queue_count;
    struct topology_binding bindings[TOPOLOGY_BINDINGS_MAX];
    size_t binding_count;
    /* What another number of shards needs and this one doesn't. It goes when all of the above is there, so
     * that each event has a way at every moment; for a moment one has two, and makes one row. */
    struct topology_binding retired[TOPOLOGY_RETIRED_MAX];
    size_t retired_count;
    const char *retired_exchanges[2];
    size_t retired_exchange_count;
    struct topology_policy policies[3];
    size_t policy_count;
};

/* The users that setup creates for gateway and worker, with the minimal permissions. */
extern const struct topology_user topology_gateway_user;
extern const struct topology_user topology_worker_user;
/* The optional user of `sluice listen`. It can bind queues of its own to TOPOLOGY_EVENTS, and do nothing
 * else. A queue that it declares to refuse messages stops the intake: no policy can forbid that.
 */
extern const struct topology_user topology_listen_user;
/* The optional user of what watches the queues, such as an autoscaler: it reads the management API, and has
 * no right on any exchange or queue. */
extern const struct topology_user topology_monitor_user;

/* The arguments of a listener's queue; name NULL ends. A queue that drops its oldest messages never refuses
 * one, so a listener that stands still can't make the gateway answer 503. But it is on one node alone, and
 * the broker confirms nothing while that node is silent. */
extern const struct topology_argument topology_listen_arguments[];

/* Fills *topology for these delays (from DELAYS: microseconds, ascending), so many ingest queues (1 to
 * TOPOLOGY_SHARDS_MAX) and this limit on the bytes in each queue (0: keep the present limit). ERROR_SETTING,
 * naming the value: a delay isn't a whole number of seconds from 1 s to 24 h, there are more than
 * TOPOLOGY_DELAYS_MAX delays, or the limit is below TOPOLOGY_QUEUE_BYTES_LEAST.
 *
 * With one shard, events go from TOPOLOGY_EVENTS and TOPOLOGY_AGAIN straight to TOPOLOGY_INGEST. With more,
 * they pass TOPOLOGY_SHARDS, which chooses a queue by a hash of the message id. What it can't place (its
 * table is built anew when a node starts, and has had bugs) takes its alternate exchange to the first queue:
 * no event is ever unroutable because of it. */
MUST_CHECK enum error_code topology_build(struct topology *topology, const int64_t *delays_us, size_t count,
                                          int64_t shards, int64_t queue_max_bytes, struct error *error);
/* Checks delays as topology_build does. */
MUST_CHECK enum error_code topology_check_delays(const int64_t *delays_us, size_t count, struct error *error);
/* Writes the name of the exchange that returns a message to the workers, and to no other subscribers, after
 * delay_us, which must be in DELAYS. */
void topology_retry(char name[TOPOLOGY_NAME_MAX], int64_t delay_us);
/* Writes the name of an ingest queue: shard 0 is TOPOLOGY_INGEST itself, so that a broker with one queue has
 * nothing to move when it gets more. */
void topology_ingest(char name[TOPOLOGY_NAME_MAX], size_t shard);
/* True for the name of an ingest queue, of any shard. */
bool topology_is_ingest(const char *name);
/* True for the name of a queue of ours, with any delay: workers, or Sluice's own delays, read it. */
bool topology_owns_queue(const char *name);
/* Writes the name of the exchange to publish an event to: TOPOLOGY_EVENTS, or, with a delay_us in DELAYS, the
 * exchange that passes the event to TOPOLOGY_EVENTS after that delay. */
void topology_entry(char name[TOPOLOGY_NAME_MAX], int64_t delay_us);
/* Writes the name of the queue of one listener, which number tells from all others. */
void topology_listen(char name[TOPOLOGY_NAME_MAX], uint64_t number);

#endif

/* SPDX-License-Identifier: MIT */
#include "topology.h"

#include "clock.h"
#include "text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct topology_user topology_gateway_user = {
    .name = "sluice-gateway",
    .configure = "^$",
    .write = "^webhooks(\\.delay\\.[0-9]+)?$",
    .read = "^$",
};

const struct topology_user topology_worker_user = {
    .name = "sluice-worker",
    .configure = "^$",
    .write = "^webhooks\\.retry\\.[0-9]+$",
    .read = "^webhooks\\.ingest(\\.[0-9]+)?$",
};

/* Binding takes write permission on the queue and read permission on the exchange. */
const struct topology_user topology_listen_user = {
    .name = "sluice-listen",
    .configure = "^webhooks\\.listen\\.",
    .write = "^webhooks\\.listen\\.",
    .read = "^webhooks(\\.listen\\..*)?$",
};

/* It needs the vhost to see its queues; the tag lets it see them without a right on them. */
const struct topology_user topology_monitor_user = {
    .name = "sluice-monitor",
    .configure = "^$",
    .write = "^$",
    .read = "^$",
    .tag = "monitoring",
};

const struct topology_argument topology_listen_arguments[] = {
    {"x-queue-type", "classic", 0}, /* a vhost may have another default */
    {"x-overflow", "drop-head", 0},
    {"x-max-length", NULL, TOPOLOGY_LISTEN_LENGTH},
    {"x-max-length-bytes", NULL, TOPOLOGY_LISTEN_BYTES},
    {"x-expires", NULL, TOPOLOGY_LISTEN_EXPIRES_MS},
    {NULL, NULL, 0},
};

static struct topology_exchange *add_exchange(struct topology *t, const char *name, const char *type)
{
    struct topology_exchange *exchange = &t->exchanges[t->exchange_count++];

    (void)snprintf(exchange->name, sizeof exchange->name, "%s", name);
    exchange->type = type;
    return exchange;
}

static struct topology_queue *add_queue(struct topology *t, const char *name)
{
    struct topology_queue *queue = &t->queues[t->queue_count++];

    (void)snprintf(queue->name, sizeof queue->name, "%s", name);
    return queue;
}

static struct topology_binding binding_of(const char *exchange, const char *queue, const char *key)
{
    struct topology_binding binding = {.key = key};

    (void)snprintf(binding.exchange, sizeof binding.exchange, "%s", exchange);
    (void)snprintf(binding.to, sizeof binding.to, "%s", queue);
    return binding;
}

static void add_binding(struct topology *t, const char *exchange, const char *queue, const char *key)
{
    t->bindings[t->binding_count++] = binding_of(exchange, queue, key);
}

static void add_exchange_binding(struct topology *t, const char *exchange, const char *to, const char *key)
{
    add_binding(t, exchange, to, key);
    t->bindings[t->binding_count - 1].to_exchange = true;
}

static void retire_binding(struct topology *t, const char *exchange, const char *queue, const char *key)
{
    t->retired[t->retired_count++] = binding_of(exchange, queue, key);
}

/* arguments: have room for another one. */
static void add_argument(struct topology_argument *arguments, const char *name, const char *text,
                         int64_t number)
{
    while (arguments->name != NULL) {
        arguments++;
    }
    *arguments = (struct topology_argument){name, text, number};
}

/* Dead-lettering is lossless only with a quorum queue, at-least-once and reject-publish together. The broker
 * accepts any other combination without a warning, and may then lose messages. x-dead-letter-routing-key is
 * not set, so that the routing key remains the source. */
static void never_lose(struct topology_queue *queue, const char *dead_letter_exchange)
{
    add_argument(queue->arguments, "x-queue-type", "quorum", 0);
    add_argument(queue->arguments, "x-overflow", "reject-publish", 0);
    if (dead_letter_exchange != NULL) {
        add_argument(queue->arguments, "x-dead-letter-exchange", dead_letter_exchange, 0);
        add_argument(queue->arguments, "x-dead-letter-strategy", "at-least-once", 0);
    }
}

static void name_delay_queue(char name[TOPOLOGY_NAME_MAX], const char *kind, int64_t seconds)
{
    (void)snprintf(name, TOPOLOGY_NAME_MAX, "webhooks.%s.%" PRId64, kind, seconds);
}

void topology_retry(char name[TOPOLOGY_NAME_MAX], int64_t delay_us)
{
    name_delay_queue(name, "retry", delay_us / CLOCK_US_PER_S);
}

void topology_ingest(char name[TOPOLOGY_NAME_MAX], size_t shard)
{
    if (shard == 0) {
        (void)snprintf(name, TOPOLOGY_NAME_MAX, "%s", TOPOLOGY_INGEST);
    } else {
        (void)snprintf(name, TOPOLOGY_NAME_MAX, TOPOLOGY_INGEST ".%zu", shard);
    }
}

/* True for kind and at least one digit. */
static bool is_numbered(const char *name, const char *kind)
{
    struct span whole = span_of(name);
    size_t len = strlen(kind);

    return text_begins(whole, kind) && whole.len > len &&
           text_is_digits((struct span){name + len, whole.len - len});
}

bool topology_is_ingest(const char *name)
{
    return strcmp(name, TOPOLOGY_INGEST) == 0 || is_numbered(name, TOPOLOGY_INGEST ".");
}

bool topology_owns_queue(const char *name)
{
    return topology_is_ingest(name) || is_numbered(name, "webhooks.delay.") ||
           is_numbered(name, "webhooks.retry.") || strcmp(name, TOPOLOGY_DEAD) == 0;
}

void topology_entry(char name[TOPOLOGY_NAME_MAX], int64_t delay_us)
{
    if (delay_us == 0) {
        (void)snprintf(name, TOPOLOGY_NAME_MAX, "%s", TOPOLOGY_EVENTS);
    } else {
        name_delay_queue(name, "delay", delay_us / CLOCK_US_PER_S);
    }
}

void topology_listen(char name[TOPOLOGY_NAME_MAX], uint64_t number)
{
    (void)snprintf(name, TOPOLOGY_NAME_MAX, TOPOLOGY_LISTEN "%016" PRIx64, number);
}

/* Adds an exchange and a queue of the same name, which hold a message for some seconds and then pass it to
 * next_exchange. */
static void add_delay_queue(struct topology *t, const char *kind, int64_t seconds, const char *next_exchange)
{
    char name[TOPOLOGY_NAME_MAX];
    struct topology_queue *queue;

    name_delay_queue(name, kind, seconds);
    (void)add_exchange(t, name, "fanout");
    queue = add_queue(t, name);
    never_lose(queue, next_exchange);
    add_argument(queue->arguments, "x-message-ttl", NULL, seconds * 1000);
    add_binding(t, name, name, "");
}

static void add_policies(struct topology *t, int64_t queue_max_bytes)
{
    struct topology_policy *policy = &t->policies[t->policy_count++];

    policy->name = "sluice";
    policy->pattern = "^webhooks\\.(ingest(\\.[0-9]+)?|delay\\.[0-9]+|retry\\.[0-9]+)$";
    policy->max_length_bytes = queue_max_bytes;
    policy->delivery_limit = TOPOLOGY_DELIVERY_LIMIT;

    /* The broker uses the lower of two delivery limits. webhooks.dead has one as a queue argument, so this
     * policy must not set another. */
    policy = &t->policies[t->policy_count++];
    policy->name = "sluice-dead";
    policy->pattern = "^webhooks\\.dead$";
    policy->max_length_bytes = queue_max_bytes;

    /* Many people may know the listeners' password. The policy bounds what they declare in size and life; but
     * a queue's own x-overflow wins over a policy's, so that one who wants to can stop the intake. */
    policy = &t->policies[t->policy_count++];
    policy->name = "sluice-listen";
    policy->pattern = "^webhooks\\.listen\\.";
    policy->max_length_bytes = TOPOLOGY_LISTEN_BYTES;
    policy->listening = true;
}

static void add_exchanges_and_queues(struct topology *t, size_t shards)
{
    struct topology_queue *dead = add_queue(t, TOPOLOGY_DEAD);
    char name[TOPOLOGY_NAME_MAX];

    t->shards = shards;
    never_lose(dead, NULL);
    add_argument(dead->arguments, "x-delivery-limit", NULL, 1000000);
    (void)add_exchange(t, TOPOLOGY_EVENTS, "topic");
    (void)add_exchange(t, TOPOLOGY_AGAIN, "fanout");
    (void)add_exchange(t, TOPOLOGY_DEAD, "fanout");
    for (size_t i = 0; i < shards; i++) {
        topology_ingest(name, i);
        never_lose(add_queue(t, name), TOPOLOGY_DEAD);
    }
}

/* Straight to the only queue. What is left of more shards is deleted, with all its bindings. */
static void route_to_one(struct topology *t)
{
    add_binding(t, TOPOLOGY_AGAIN, TOPOLOGY_INGEST, "");
    add_binding(t, TOPOLOGY_EVENTS, TOPOLOGY_INGEST, "#");
    t->retired_exchanges[t->retired_exchange_count++] = TOPOLOGY_SHARDS;
    t->retired_exchanges[t->retired_exchange_count++] = TOPOLOGY_INGEST;
}

/* The shards are bound before anything is sent to them. The keys of their bindings are weights. */
static void route_to_shards(struct topology *t, size_t shards)
{
    char name[TOPOLOGY_NAME_MAX];
    struct topology_exchange *exchange;

    (void)add_exchange(t, TOPOLOGY_INGEST, "fanout");
    add_binding(t, TOPOLOGY_INGEST, TOPOLOGY_INGEST, "");
    exchange = add_exchange(t, TOPOLOGY_SHARDS, "x-consistent-hash");
    add_argument(exchange->arguments, "hash-property", "message_id", 0);
    add_argument(exchange->arguments, "alternate-exchange", TOPOLOGY_INGEST, 0);
    for (size_t i = 0; i < TOPOLOGY_SHARDS_MAX; i++) {
        topology_ingest(name, i);
        if (i < shards) {
            add_binding(t, TOPOLOGY_SHARDS, name, "1");
        } else {
            retire_binding(t, TOPOLOGY_SHARDS, name, "1");
        }
    }
    add_exchange_binding(t, TOPOLOGY_AGAIN, TOPOLOGY_SHARDS, "");
    add_exchange_binding(t, TOPOLOGY_EVENTS, TOPOLOGY_SHARDS, "#");
    retire_binding(t, TOPOLOGY_AGAIN, TOPOLOGY_INGEST, "");
    retire_binding(t, TOPOLOGY_EVENTS, TOPOLOGY_INGEST, "#");
}

enum error_code topology_check_delays(const int64_t *delays_us, size_t count, struct error *error)
{
    if (count > TOPOLOGY_DELAYS_MAX) {
        return error_set(error, ERROR_SETTING, "DELAYS has %zu delays; at most %d are allowed", count,
                         TOPOLOGY_DELAYS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        if (delays_us[i] % CLOCK_US_PER_S != 0 || delays_us[i] < CLOCK_US_PER_S ||
            delays_us[i] > TOPOLOGY_DELAY_MOST_S * CLOCK_US_PER_S) {
            return error_set(error, ERROR_SETTING,
                             "DELAYS: %" PRId64 " us is not a whole number of seconds from 1s to 24h",
                             delays_us[i]);
        }
    }
    return ERROR_NONE;
}

enum error_code topology_build(struct topology *topology, const int64_t *delays_us, size_t count,
                               int64_t shards, int64_t queue_max_bytes, struct error *error)
{
    enum error_code code = topology_check_delays(delays_us, count, error);

    *topology = (struct topology){0};
    if (code == ERROR_NONE && queue_max_bytes != 0 && queue_max_bytes < TOPOLOGY_QUEUE_BYTES_LEAST) {
        code = error_set(error, ERROR_SETTING,
                         "QUEUE_MAX_BYTES is %" PRId64
                         ", but must be at least 1MiB, or 0 to keep the present limit",
                         queue_max_bytes);
    }
    if (code != ERROR_NONE) {
        return code;
    }
    assert(shards >= 1 && shards <= TOPOLOGY_SHARDS_MAX); /* as lib/config has checked */
    add_exchanges_and_queues(topology, (size_t)shards);
    add_binding(topology, TOPOLOGY_DEAD, TOPOLOGY_DEAD, "");
    if (shards == 1) {
        route_to_one(topology);
    } else {
        route_to_shards(topology, (size_t)shards);
    }
    for (size_t i = 0; i < count; i++) {
        add_delay_queue(topology, "delay", delays_us[i] / CLOCK_US_PER_S, TOPOLOGY_EVENTS);
        add_delay_queue(topology, "retry", delays_us[i] / CLOCK_US_PER_S, TOPOLOGY_AGAIN);
    }
    add_policies(topology, queue_max_bytes);
    return ERROR_NONE;
}

/* SPDX-License-Identifier: MIT */
#include "topology.h"

#include "clock.h"
#include "text.h"

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
    .read = "^webhooks\\.ingest$",
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

static void add_exchange(struct topology *t, const char *name, const char *type)
{
    struct topology_exchange *exchange = &t->exchanges[t->exchange_count++];

    (void)snprintf(exchange->name, sizeof exchange->name, "%s", name);
    exchange->type = type;
}

static struct topology_queue *add_queue(struct topology *t, const char *name)
{
    struct topology_queue *queue = &t->queues[t->queue_count++];

    (void)snprintf(queue->name, sizeof queue->name, "%s", name);
    return queue;
}

static void add_binding(struct topology *t, const char *exchange, const char *queue, const char *key)
{
    struct topology_binding *binding = &t->bindings[t->binding_count++];

    (void)snprintf(binding->exchange, sizeof binding->exchange, "%s", exchange);
    (void)snprintf(binding->queue, sizeof binding->queue, "%s", queue);
    binding->key = key;
}

static void add_argument(struct topology_queue *queue, const char *name, const char *text, int64_t number)
{
    size_t i = 0;

    while (queue->arguments[i].name != NULL) {
        i++;
    }
    queue->arguments[i] = (struct topology_argument){name, text, number};
}

/* Dead-lettering is lossless only with a quorum queue, at-least-once and reject-publish together. The broker
 * accepts any other combination without a warning, and may then lose messages. x-dead-letter-routing-key is
 * not set, so that the routing key remains the source. */
static void never_lose(struct topology_queue *queue, const char *dead_letter_exchange)
{
    add_argument(queue, "x-queue-type", "quorum", 0);
    add_argument(queue, "x-overflow", "reject-publish", 0);
    if (dead_letter_exchange != NULL) {
        add_argument(queue, "x-dead-letter-exchange", dead_letter_exchange, 0);
        add_argument(queue, "x-dead-letter-strategy", "at-least-once", 0);
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

bool topology_owns_queue(const char *name)
{
    static const char *const kinds[] = {"webhooks.delay.", "webhooks.retry."};
    struct span whole = span_of(name);

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t len = strlen(kinds[i]);

        if (text_begins(whole, kinds[i]) && text_is_digits((struct span){name + len, whole.len - len})) {
            return true;
        }
    }
    return strcmp(name, TOPOLOGY_INGEST) == 0 || strcmp(name, TOPOLOGY_DEAD) == 0;
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
    add_exchange(t, name, "fanout");
    queue = add_queue(t, name);
    never_lose(queue, next_exchange);
    add_argument(queue, "x-message-ttl", NULL, seconds * 1000);
    add_binding(t, name, name, "");
}

static void add_policies(struct topology *t, int64_t queue_max_bytes)
{
    struct topology_policy *policy = &t->policies[t->policy_count++];

    policy->name = "sluice";
    policy->pattern = "^webhooks\\.(ingest|delay\\.[0-9]+|retry\\.[0-9]+)$";
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
                               int64_t queue_max_bytes, struct error *error)
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
    add_exchange(topology, TOPOLOGY_EVENTS, "topic");
    add_exchange(topology, TOPOLOGY_AGAIN, "fanout");
    add_exchange(topology, TOPOLOGY_DEAD, "fanout");

    struct topology_queue *dead = add_queue(topology, TOPOLOGY_DEAD);
    never_lose(dead, NULL);
    add_argument(dead, "x-delivery-limit", NULL, 1000000);
    never_lose(add_queue(topology, TOPOLOGY_INGEST), TOPOLOGY_DEAD);

    add_binding(topology, TOPOLOGY_DEAD, TOPOLOGY_DEAD, "");
    add_binding(topology, TOPOLOGY_AGAIN, TOPOLOGY_INGEST, "");
    add_binding(topology, TOPOLOGY_EVENTS, TOPOLOGY_INGEST, "#");

    for (size_t i = 0; i < count; i++) {
        add_delay_queue(topology, "delay", delays_us[i] / CLOCK_US_PER_S, TOPOLOGY_EVENTS);
        add_delay_queue(topology, "retry", delays_us[i] / CLOCK_US_PER_S, TOPOLOGY_AGAIN);
    }
    add_policies(topology, queue_max_bytes);
    return ERROR_NONE;
}

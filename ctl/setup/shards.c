/* SPDX-License-Identifier: MIT */
#include "shards.h"

#include "clock.h"
#include "ctl/cluster.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define PATIENCE_US (6 * CLOCK_US_PER_S)
#define EVERY_US (CLOCK_US_PER_S / 2)

/* --- how many ------------------------------------------------------------- */

static bool leads_to(const cJSON *bindings, const char *queue)
{
    const cJSON *binding;

    cJSON_ArrayForEach(binding, bindings)
    {
        const char *source = management_text(binding, "source");
        const char *destination = management_text(binding, "destination");

        if (source != NULL && strcmp(source, TOPOLOGY_SHARDS) == 0 && destination != NULL &&
            strcmp(destination, queue) == 0) {
            return true;
        }
    }
    return false;
}

/* The last queue counts, not their number: one that somebody deleted is to be declared again. */
static enum error_code ask_count(const struct shards *s, int64_t *count, struct error *error)
{
    cJSON *bindings = NULL;
    enum error_code code = management_list(s->management, "bindings", s->segment, &bindings, error);

    *count = 1;
    for (size_t i = 0; i < TOPOLOGY_SHARDS_MAX; i++) {
        char queue[TOPOLOGY_NAME_MAX];

        topology_ingest(queue, i);
        if (leads_to(bindings, queue)) {
            *count = (int64_t)i + 1;
        }
    }
    cJSON_Delete(bindings);
    return code;
}

static enum error_code look_for_exchange(const struct shards *s, int64_t *count, struct error *error)
{
    struct broker *broker = NULL;
    enum error_code code = broker_open(&broker, s->options, error);

    *count = 1;
    if (code == ERROR_NONE) {
        code = broker_inspect_exchange(broker, TOPOLOGY_SHARDS, error);
        broker_close(broker, code == ERROR_NONE);
        if (code == ERROR_NOT_FOUND) {
            return ERROR_NONE;
        }
    }
    if (code == ERROR_NONE) {
        code = error_set(error, ERROR_SETTING,
                         "the broker has the exchange " TOPOLOGY_SHARDS
                         ", so events are spread over several queues, but AMQP can't tell over how many: set "
                         "QUEUE_SHARDS to their number, or to another one");
    }
    return code;
}

enum error_code shards_count(const struct shards *s, int64_t *count, struct error *error)
{
    return s->management != NULL ? ask_count(s, count, error) : look_for_exchange(s, count, error);
}

/* --- the plugin ------------------------------------------------------------ */

static bool is_enabled(const cJSON *plugins)
{
    const cJSON *plugin;

    cJSON_ArrayForEach(plugin, plugins)
    {
        if (cJSON_IsString(plugin) && strcmp(plugin->valuestring, TOPOLOGY_SHARDS_PLUGIN) == 0) {
            return true;
        }
    }
    return false;
}

/* *without: an array of the nodes' names, which the caller frees. Who may not ask for nodes gets an empty
 * one. */
static enum error_code ask_without(const struct shards *s, cJSON **without, struct error *error)
{
    cJSON *nodes = NULL;
    const cJSON *node;
    enum error_code code =
        management_get(s->management, "/api/nodes?columns=name,running,enabled_plugins", &nodes, error);

    *without = cJSON_CreateArray();
    cJSON_ArrayForEach(node, nodes)
    {
        const cJSON *plugins = cJSON_GetObjectItemCaseSensitive(node, "enabled_plugins");
        const char *name = management_text(node, "name");

        if (name != NULL && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(node, "running")) &&
            cJSON_IsArray(plugins) && !is_enabled(plugins)) {
            (void)cJSON_AddItemToArray(*without, cJSON_CreateString(name));
        }
    }
    cJSON_Delete(nodes);
    return code == ERROR_REFUSED ? ERROR_NONE : code;
}

static enum error_code refuse(const cJSON *without, struct outcome *outcome, struct error *error)
{
    struct buf names = {0};
    enum error_code code = ERROR_NONE;

    cluster_append_names(&names, without);
    if (outcome->checking) {
        outcome_differs(outcome, "not enabled", "enabled", "plugin " TOPOLOGY_SHARDS_PLUGIN " on %s",
                        buf_text(&names));
    } else {
        code = error_set(error, ERROR_SETTING,
                         "broker: QUEUE_SHARDS needs RabbitMQ's plugin " TOPOLOGY_SHARDS_PLUGIN
                         ", which is not enabled on %.200s: " TOPOLOGY_SHARDS_REMEDY,
                         buf_text(&names));
    }
    buf_free(&names);
    return code;
}

enum error_code shards_check_plugin(const struct shards *s, const struct topology *topology,
                                    struct outcome *outcome, struct error *error)
{
    const struct timespec wait = {0, EVERY_US * 1000};
    int64_t deadline = clock_monotonic_us() + PATIENCE_US;
    cJSON *without;
    enum error_code code;

    if (s->management == NULL || topology->shards == 1) {
        return ERROR_NONE;
    }
    for (;;) {
        code = ask_without(s, &without, error);
        if (code != ERROR_NONE || cJSON_GetArraySize(without) == 0 || clock_monotonic_us() >= deadline) {
            break;
        }
        cJSON_Delete(without);
        (void)nanosleep(&wait, NULL);
    }
    if (code == ERROR_NONE && cJSON_GetArraySize(without) > 0) {
        code = refuse(without, outcome, error);
    }
    cJSON_Delete(without);
    return code;
}

/* --- what is left --------------------------------------------------------- */

static bool is_declared(const struct topology *topology, const char *queue)
{
    for (size_t i = 0; i < topology->queue_count; i++) {
        if (strcmp(topology->queues[i].name, queue) == 0) {
            return true;
        }
    }
    return false;
}

static void tell(const struct shards *s, const struct outcome *outcome, const char *queue, int64_t messages)
{
    outcome_tell(outcome, "left",
                 "queue %s: no event comes to it any more, and it has %" PRId64
                 " messages: leave the workers' QUEUE_SHARDS as it is until `sluice status` with the same "
                 "QUEUE_SHARDS shows none in it, then give them the new one and delete it:",
                 queue, messages);
    outcome_command(outcome, "rabbitmqctl delete_queue -p %s %s", s->vhost, queue);
}

static enum error_code ask_left(const struct shards *s, const struct topology *topology,
                                const struct outcome *outcome, struct error *error)
{
    cJSON *queues = NULL;
    const cJSON *queue;
    enum error_code code = management_list(s->management, "queues", s->segment, &queues, error);

    cJSON_ArrayForEach(queue, queues)
    {
        const char *name = management_text(queue, "name");
        const cJSON *messages = cJSON_GetObjectItemCaseSensitive(queue, "messages");

        if (name != NULL && topology_is_ingest(name) && !is_declared(topology, name)) {
            tell(s, outcome, name, cJSON_IsNumber(messages) ? (int64_t)messages->valuedouble : 0);
        }
    }
    cJSON_Delete(queues);
    return code;
}

static enum error_code look_for_left(const struct shards *s, const struct topology *topology,
                                     const struct outcome *outcome, struct error *error)
{
    struct broker *broker = NULL;
    enum error_code code = broker_open(&broker, s->options, error);

    for (size_t i = 0; code == ERROR_NONE && i < TOPOLOGY_SHARDS_MAX; i++) {
        char name[TOPOLOGY_NAME_MAX];
        uint32_t ready = 0, consumers;

        topology_ingest(name, i);
        if (is_declared(topology, name)) {
            continue;
        }
        code = broker_inspect(broker, name, &ready, &consumers, error);
        if (code == ERROR_NONE) {
            tell(s, outcome, name, ready);
        }
    }
    broker_close(broker, code == ERROR_NONE);
    return code == ERROR_NOT_FOUND ? ERROR_NONE : code;
}

enum error_code shards_tell_left(const struct shards *s, const struct topology *topology,
                                 const struct outcome *outcome, struct error *error)
{
    return s->management != NULL ? ask_left(s, topology, outcome, error)
                                 : look_for_left(s, topology, outcome, error);
}

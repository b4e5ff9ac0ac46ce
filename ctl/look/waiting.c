/* SPDX-License-Identifier: MIT */
#include "waiting.h"

#include "ctl/management.h"
#include "queues.h"

#include <stdio.h>
#include <string.h>

#define TTL "x-message-ttl"
#define MS_PER_S 1000

static int64_t wait_of(const struct topology_queue *queue)
{
    for (size_t i = 0; queue->arguments[i].name != NULL; i++) {
        if (strcmp(queue->arguments[i].name, TTL) == 0) {
            return queue->arguments[i].number / MS_PER_S;
        }
    }
    return 0;
}

/* What AMQP tells: the queues in the order of lib/topology, and their ready messages. */
static enum error_code ask_broker(struct waiting *waiting, const struct waiting_options *options,
                                  struct error *error)
{
    const struct queues_options queues_options = {
        .access = options->access,
        .connection_name = options->connection_name,
        .delays = options->delays,
        .shards = options->shards,
    };
    struct queue_depths depths;
    struct topology topology;
    enum error_code code =
        topology_build(&topology, options->delays->us, options->delays->count, options->shards, 0, error);

    if (code == ERROR_NONE) {
        code = queues_inspect(&depths, &queues_options, error);
    }
    for (size_t i = 0; code == ERROR_NONE && i < depths.count; i++) {
        struct waiting_queue *queue = &waiting->queues[waiting->count++];

        (void)snprintf(queue->name, sizeof queue->name, "%s", depths.queues[i].name);
        queue->there = depths.queues[i].there;
        queue->ready = depths.queues[i].ready;
        queue->unacked = WAITING_UNKNOWN;
        queue->wait_s = wait_of(&topology.queues[i]);
    }
    return code;
}

void waiting_fill(struct waiting *waiting, const cJSON *list)
{
    for (size_t i = 0; i < waiting->count; i++) {
        const cJSON *unacked = cJSON_GetObjectItemCaseSensitive(
            management_named(list, waiting->queues[i].name), "messages_unacknowledged");

        if (cJSON_IsNumber(unacked) && unacked->valuedouble >= 0 && unacked->valuedouble < 1e15) {
            waiting->queues[i].unacked = (int64_t)unacked->valuedouble;
        }
    }
}

static enum error_code ask_management(struct waiting *waiting, const struct waiting_options *options,
                                      struct error *error)
{
    struct management *management = NULL;
    struct buf vhost = {0}, name = {0};
    cJSON *list = NULL;
    enum error_code code = management_open(&management, options->management_url, options->access->password,
                                           options->access->ca, error);

    if (code == ERROR_NONE) {
        management_vhost(options->access->url, &vhost, &name);
        code = management_list(management, "queues", buf_text(&vhost), &list, error);
    }
    if (code == ERROR_NONE) {
        waiting_fill(waiting, list);
    }
    cJSON_Delete(list);
    management_close(management);
    buf_free(&vhost);
    buf_free(&name);
    return code;
}

enum error_code waiting_ask(struct waiting *waiting, const struct waiting_options *options,
                            struct error *error)
{
    enum error_code code;

    *waiting = (struct waiting){0};
    code = ask_broker(waiting, options, error);
    if (code == ERROR_NONE && options->management_url[0] != '\0') {
        code = ask_management(waiting, options, error);
    }
    return code;
}

int64_t waiting_count(const struct waiting *waiting)
{
    int64_t count = 0;

    for (size_t i = 0; i < waiting->count; i++) {
        const struct waiting_queue *queue = &waiting->queues[i];

        count += queue->ready + (queue->unacked == WAITING_UNKNOWN ? 0 : queue->unacked);
    }
    return count;
}

bool waiting_is_complete(const struct waiting *waiting)
{
    bool complete = waiting->count > 0;

    for (size_t i = 0; i < waiting->count; i++) {
        complete = complete && (!waiting->queues[i].there || waiting->queues[i].unacked != WAITING_UNKNOWN);
    }
    return complete;
}

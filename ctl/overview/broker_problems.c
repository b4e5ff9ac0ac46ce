/* SPDX-License-Identifier: MIT */
#include "broker_problems.h"

#include "ctl/cluster.h"
#include "topology.h"

#include <inttypes.h>

static void append_more(struct buf *words, size_t found)
{
    if (found > 1) {
        buf_printf(words, found == 2 ? "; so is %zu more queue" : "; so are %zu more queues", found - 1);
    }
}

bool broker_problems_majority_lost(const struct overview *now, struct buf *words)
{
    const cJSON *entry;
    size_t found = 0;

    cJSON_ArrayForEach(entry, now->queues)
    {
        struct cluster_queue queue = cluster_queue_of(entry);

        if (cluster_lacks_majority(&queue) && found++ == 0) {
            buf_printf(words, "%s takes no events and hands none out: of its members ",
                       management_text(entry, "name"));
            cluster_append_names(words, queue.members);
            buf_append_text(words, " are online: ");
            cluster_append_names(words, queue.online);
        }
    }
    append_more(words, found);
    return found > 0;
}

bool broker_problems_members_few(const struct overview *now, struct buf *words)
{
    const cJSON *entry;
    size_t found = 0;

    cJSON_ArrayForEach(entry, now->queues)
    {
        struct cluster_queue queue = cluster_queue_of(entry);

        if (cluster_lacks_members(&queue, cluster_members_wanted(now->nodes)) && found++ == 0) {
            buf_printf(words,
                       "%s has too few members for a broker of %zu nodes: ", management_text(entry, "name"),
                       now->nodes);
            cluster_append_names(words, queue.members);
        }
    }
    append_more(words, found);
    return found > 0;
}

static void append_unattended(struct buf *words, const char *queue, int64_t ready)
{
    buf_printf(words,
               "%s has %" PRId64 " messages and no worker consumes it: is the workers' QUEUE_SHARDS too low?",
               queue, ready);
}

/* Of a queue that `status` doesn't know of, only the management API tells. */
static bool append_left(const struct overview *now, struct buf *words)
{
    const cJSON *entry;

    cJSON_ArrayForEach(entry, now->queues)
    {
        const char *name = management_text(entry, "name");
        const cJSON *ready = cJSON_GetObjectItemCaseSensitive(entry, "messages_ready");
        const cJSON *consumers = cJSON_GetObjectItemCaseSensitive(entry, "consumers");

        if (overview_queue(now, name) == NULL && cJSON_IsNumber(ready) && ready->valuedouble > 0 &&
            cJSON_IsNumber(consumers) && consumers->valuedouble == 0) {
            append_unattended(words, name, (int64_t)ready->valuedouble);
            return true;
        }
    }
    return false;
}

/* One of several ingest queues; when nobody consumes any, the workers are away, and other rows say so. */
bool broker_problems_queue_unattended(const struct overview *now, struct buf *words)
{
    struct queue_depth all;

    if (!overview_ingest(now, &all) || all.consumers == 0) {
        return false;
    }
    for (size_t i = 0; i < now->depths.count; i++) {
        const struct queue_depth *queue = &now->depths.queues[i];

        if (topology_is_ingest(queue->name) && queue->ready > 0 && queue->consumers == 0) {
            append_unattended(words, queue->name, queue->ready);
            return true;
        }
    }
    return append_left(now, words);
}

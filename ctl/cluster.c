/* SPDX-License-Identifier: MIT */
#include "cluster.h"

#include <stdlib.h>
#include <string.h>

#define GROWS_MAJOR 3
#define GROWS_MINOR 13

enum error_code cluster_nodes(struct management *management, cJSON **running, size_t *known,
                              struct error *error)
{
    cJSON *list = NULL;
    const cJSON *entry;
    enum error_code code = management_get(management, "/api/nodes?columns=name,running", &list, error);

    *running = code == ERROR_NONE ? cJSON_CreateArray() : NULL;
    *known = (size_t)cJSON_GetArraySize(list);
    cJSON_ArrayForEach(entry, list)
    {
        const char *name = management_text(entry, "name");

        if (name != NULL && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(entry, "running"))) {
            (void)cJSON_AddItemToArray(*running, cJSON_CreateString(name));
        }
    }
    cJSON_Delete(list);
    return code;
}

bool cluster_version_grows(const char *version)
{
    char *end = NULL;
    long major = version == NULL ? 0 : strtol(version, &end, 10);
    long minor = major > 0 && *end == '.' ? strtol(end + 1, NULL, 10) : 0;

    return major > GROWS_MAJOR || (major == GROWS_MAJOR && minor >= GROWS_MINOR);
}

enum error_code cluster_grows(struct management *management, bool *grows, struct error *error)
{
    cJSON *overview = NULL;
    enum error_code code =
        management_get(management, "/api/overview?columns=rabbitmq_version", &overview, error);

    *grows = cluster_version_grows(management_text(overview, "rabbitmq_version"));
    cJSON_Delete(overview);
    return code;
}

/* --- a queue ---------------------------------------------------------------- */

struct cluster_queue cluster_queue_of(const cJSON *entry)
{
    const char *leader = management_text(entry, "leader");
    struct cluster_queue queue = {.leader = leader == NULL ? "" : leader,
                                  .members = cJSON_GetObjectItemCaseSensitive(entry, "members"),
                                  .online = cJSON_GetObjectItemCaseSensitive(entry, "online")};

    queue.member_count = (size_t)cJSON_GetArraySize(queue.members);
    queue.online_count = (size_t)cJSON_GetArraySize(queue.online);
    return queue;
}

bool cluster_lacks_majority(const struct cluster_queue *queue)
{
    return queue->member_count > 0 && queue->online_count <= queue->member_count / 2;
}

size_t cluster_members_wanted(size_t nodes)
{
    return nodes < TOPOLOGY_MEMBERS ? nodes : TOPOLOGY_MEMBERS;
}

bool cluster_lacks_members(const struct cluster_queue *queue, size_t wanted)
{
    return queue->member_count > 0 && queue->member_count < wanted;
}

/* --- words -------------------------------------------------------------------- */

void cluster_append_names(struct buf *out, const cJSON *names)
{
    const cJSON *name;

    if (cJSON_GetArraySize(names) == 0) {
        buf_append_text(out, "none");
    }
    cJSON_ArrayForEach(name, names)
    {
        buf_printf(out, "%s%s", name == names->child ? "" : ", ",
                   cJSON_IsString(name) ? name->valuestring : "?");
    }
}

static bool holds(const cJSON *names, const char *wanted)
{
    const cJSON *name;

    cJSON_ArrayForEach(name, names)
    {
        if (cJSON_IsString(name) && strcmp(name->valuestring, wanted) == 0) {
            return true;
        }
    }
    return false;
}

/* True when the node is among the first of those without a member that the queue needs. */
static bool is_to_join(const struct cluster_queue *queue, const cJSON *nodes, const char *node, size_t wanted)
{
    size_t lacking = cluster_lacks_members(queue, wanted) ? wanted - queue->member_count : 0;
    const cJSON *one;

    cJSON_ArrayForEach(one, nodes)
    {
        if (lacking == 0) {
            return false;
        }
        if (!holds(queue->members, one->valuestring)) {
            if (strcmp(one->valuestring, node) == 0) {
                return true;
            }
            lacking--;
        }
    }
    return false;
}

/* Appends text as it must stand in a regular expression. */
static void append_pattern(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '.') {
            buf_append_char(out, '\\');
        }
        buf_append_char(out, *text);
    }
}

void cluster_append_exactly(struct buf *out, const char *text)
{
    buf_append_char(out, '^');
    append_pattern(out, text);
    buf_append_char(out, '$');
}

bool cluster_append_joining(struct buf *out, const struct topology *topology, const cJSON *queues,
                            const cJSON *nodes, size_t wanted, const char *node)
{
    size_t found = 0;

    for (size_t i = 0; i < topology->queue_count; i++) {
        const char *name = topology->queues[i].name;
        struct cluster_queue queue = cluster_queue_of(management_named(queues, name));

        if (is_to_join(&queue, nodes, node, wanted)) {
            buf_append_text(out, found++ == 0 ? "^(" : "|");
            append_pattern(out, name);
        }
    }
    buf_append_text(out, found == 0 ? "" : ")$");
    return found > 0;
}

void cluster_append_grow(struct buf *out, const struct topology *topology, const cJSON *queues,
                         const cJSON *nodes, size_t wanted, const char *vhost)
{
    struct buf joining = {0};
    const cJSON *node;

    cJSON_ArrayForEach(node, nodes)
    {
        buf_clear(&joining);
        if (cluster_append_joining(&joining, topology, queues, nodes, wanted, node->valuestring)) {
            buf_printf(out, "%srabbitmq-queues grow %s all --vhost-pattern '", out->len == 0 ? "" : "\n",
                       node->valuestring);
            cluster_append_exactly(out, vhost);
            buf_printf(out, "' --queue-pattern '%s'", buf_text(&joining));
        }
    }
    buf_free(&joining);
}

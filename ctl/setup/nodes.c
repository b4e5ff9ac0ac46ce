/* SPDX-License-Identifier: MIT */
#include "nodes.h"

#include "clock.h"
#include "ctl/cluster.h"
#include "ctl/http.h"
#include "ctl/report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* The management API tells of new members some seconds late. A broker that adds them by itself begins 10 s
 * after a policy has changed. */
#define PATIENCE_US (6 * CLOCK_US_PER_S)
#define GROWS_PATIENCE_US (20 * CLOCK_US_PER_S)
#define EVERY_US (CLOCK_US_PER_S / 2)

enum error_code nodes_reach(const struct nodes *nodes, struct error *error)
{
    cJSON *running = NULL;
    struct buf names = {0};
    size_t known;
    enum error_code code = cluster_nodes(nodes->management, &running, &known, error);
    size_t count = (size_t)cJSON_GetArraySize(running);

    if (code == ERROR_NONE && count < nodes->wanted) {
        cluster_append_names(&names, running);
        if (nodes->outcome->checking) {
            char wanted[32];

            (void)snprintf(wanted, sizeof wanted, "%zu", nodes->wanted);
            outcome_differs(nodes->outcome, buf_text(&names), wanted, "broker, nodes that run");
        } else {
            code =
                error_set(error, ERROR_UNREACHABLE,
                          "broker: %zu of %zu nodes (SETUP_BROKER_NODES) run: %s; queues that are declared "
                          "now would be on these only: start the others and let them join",
                          count, nodes->wanted, buf_text(&names));
        }
    }
    buf_free(&names);
    cJSON_Delete(running);
    return code;
}

/* What the broker reports about its queues and nodes. */
struct report {
    cJSON *running, *queues;
    size_t wanted; /* members of each queue */
};

static enum error_code ask(const struct nodes *nodes, struct report *report, struct error *error)
{
    size_t known;
    enum error_code code = cluster_nodes(nodes->management, &report->running, &known, error);

    report->wanted = cluster_members_wanted(known > nodes->wanted ? known : nodes->wanted);
    if (code == ERROR_NONE) {
        code = management_list(nodes->management, "queues", nodes->segment, &report->queues, error);
    }
    return code;
}

static void report_free(struct report *report)
{
    cJSON_Delete(report->running);
    cJSON_Delete(report->queues);
    *report = (struct report){0};
}

/* Some seconds long the broker reports no members of a new queue: then it isn't known to have enough. */
static bool all_have_enough(const struct nodes *nodes, const struct report *report)
{
    for (size_t i = 0; i < nodes->topology->queue_count; i++) {
        const cJSON *entry = management_named(report->queues, nodes->topology->queues[i].name);

        if (entry != NULL && cluster_queue_of(entry).member_count < report->wanted) {
            return false;
        }
    }
    return true;
}

static enum error_code grow_on(const struct nodes *nodes, const char *node, const char *queues,
                               struct error *error)
{
    struct buf path = {0}, vhost = {0};
    cJSON *body = cJSON_CreateObject();
    enum error_code code;

    cluster_append_exactly(&vhost, nodes->vhost);
    (void)cJSON_AddStringToObject(body, "vhost_pattern", buf_text(&vhost));
    (void)cJSON_AddStringToObject(body, "queue_pattern", queues);
    (void)cJSON_AddStringToObject(body, "strategy", "all");
    buf_append_text(&path, "/api/queues/quorum/replicas/on/");
    http_append_escaped(&path, node);
    buf_append_text(&path, "/grow");
    code = management_post(nodes->management, buf_text(&path), body, error);
    if (code == ERROR_NONE) {
        outcome_tell(nodes->outcome, "done", "members on %s of the queues %s", node, queues);
    }
    cJSON_Delete(body);
    buf_free(&path);
    buf_free(&vhost);
    return code;
}

/* Brokers that can't do it, or may not, say so: then it is left to the commands. */
static enum error_code grow(const struct nodes *nodes, const struct report *report, struct error *error)
{
    struct buf queues = {0};
    const cJSON *node;
    enum error_code code = ERROR_NONE;

    cJSON_ArrayForEach(node, report->running)
    {
        buf_clear(&queues);
        if (code == ERROR_NONE &&
            cluster_append_joining(&queues, nodes->topology, report->queues, report->running, report->wanted,
                                   node->valuestring)) {
            code = grow_on(nodes, node->valuestring, buf_text(&queues), error);
        }
    }
    buf_free(&queues);
    if (code == ERROR_NOT_FOUND || code == ERROR_REFUSED) {
        outcome_tell(nodes->outcome, "lacks",
                     "the broker adds no members when it is asked to (RabbitMQ 4.0 can): %s", error->text);
        return ERROR_NONE;
    }
    return code;
}

static void tell(const struct nodes *nodes, const char *name, const struct cluster_queue *queue,
                 size_t wanted)
{
    struct buf is = {0}, should = {0};

    cluster_append_names(&is, queue->members);
    buf_printf(&should, "%zu of the nodes", wanted);
    if (nodes->outcome->checking) {
        outcome_differs(nodes->outcome, buf_text(&is), buf_text(&should), "queue %s, members", name);
    } else {
        outcome_tell(nodes->outcome, "lacks", "queue %s, members: are %s, should be %s", name, buf_text(&is),
                     buf_text(&should));
    }
    buf_free(&is);
    buf_free(&should);
}

static void tell_all(const struct nodes *nodes, const struct report *report, size_t *lacking)
{
    struct buf commands = {0};
    char *rest = NULL;

    for (size_t i = 0; i < nodes->topology->queue_count; i++) {
        const char *name = nodes->topology->queues[i].name;
        struct cluster_queue queue = cluster_queue_of(management_named(report->queues, name));

        if (cluster_lacks_members(&queue, report->wanted)) {
            tell(nodes, name, &queue, report->wanted);
            (*lacking)++;
        }
    }
    cluster_append_grow(&commands, nodes->topology, report->queues, report->running, report->wanted,
                        nodes->vhost);
    if (buf_text(&commands)[0] != '\0') { /* it ends with a NUL now, as strtok_r needs */
        outcome_tell(nodes->outcome, "lacks",
                     "members: these commands add them; run them on any node of the broker:");
        for (char *line = strtok_r(commands.data, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
            outcome_command(nodes->outcome, "%s", line);
        }
    }
    buf_free(&commands);
}

enum error_code nodes_compare(const struct nodes *nodes, size_t *lacking, struct error *error)
{
    const struct timespec wait = {0, EVERY_US * 1000};
    struct report report = {0};
    bool grows = false, grow_now = nodes->grow;
    int64_t deadline;
    enum error_code code = cluster_grows(nodes->management, &grows, error);

    deadline = clock_monotonic_us() + (grows ? GROWS_PATIENCE_US : PATIENCE_US);
    if (code == ERROR_NONE) {
        code = ask(nodes, &report, error);
    }
    *lacking = 0;
    while (code == ERROR_NONE && report.wanted > 1 && !all_have_enough(nodes, &report) &&
           clock_monotonic_us() < deadline) {
        code = grow_now ? grow(nodes, &report, error) : ERROR_NONE;
        grow_now = false;
        report_free(&report);
        (void)nanosleep(&wait, NULL);
        if (code == ERROR_NONE) {
            code = ask(nodes, &report, error);
        }
    }
    if (code == ERROR_NONE && report.wanted > 1) {
        tell_all(nodes, &report, lacking);
    }
    report_free(&report);
    return code;
}

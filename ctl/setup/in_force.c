/* SPDX-License-Identifier: MIT */
#include "in_force.h"

#include "clock.h"
#include "ctl/cluster.h"
#include "ctl/report.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#define PATIENCE_US (15 * CLOCK_US_PER_S)
#define EVERY_US (CLOCK_US_PER_S / 4)
/* Index of a queue's policy: the dead-letter queue has its own limit. */
#define POLICY 0
#define POLICY_DEAD 1

/* A string member of an object, to print. */
static const char *shown(const cJSON *object, const char *name)
{
    const char *text = management_text(object, name);

    return text == NULL || text[0] == '\0' ? "none" : text;
}

static bool is_ours(const struct topology *topology, const char *policy)
{
    for (size_t i = 0; i < topology->policy_count; i++) {
        if (strcmp(topology->policies[i].name, policy) == 0) {
            return true;
        }
    }
    return false;
}

/* *contested: other policies exist that may take precedence over ours, through their priority or as operator
 * policies. */
static enum error_code ask_contested(struct management *management, const char *vhost,
                                     const struct topology *topology, bool *contested, struct error *error)
{
    cJSON *policies = NULL, *operators = NULL;
    const cJSON *policy;
    enum error_code code = management_list(management, "policies", vhost, &policies, error);

    *contested = false;
    if (code == ERROR_NONE) {
        code = management_list(management, "operator-policies", vhost, &operators, error);
    }
    cJSON_ArrayForEach(policy, policies)
    {
        const cJSON *priority = cJSON_GetObjectItemCaseSensitive(policy, "priority");

        if (!is_ours(topology, shown(policy, "name")) && cJSON_IsNumber(priority) &&
            priority->valuedouble >= TOPOLOGY_POLICY_PRIORITY) {
            *contested = true;
        }
    }
    *contested = *contested || cJSON_GetArraySize(operators) > 0;
    cJSON_Delete(policies);
    cJSON_Delete(operators);
    return code;
}

/* --- one queue ------------------------------------------------------------- */

static const struct topology_policy *policy_of(const struct topology *topology, const char *queue)
{
    return &topology->policies[strcmp(queue, TOPOLOGY_DEAD) == 0 ? POLICY_DEAD : POLICY];
}

/* True when the policy is in force on the queue. Both are as reported by the broker. */
static bool is_right(const cJSON *queue, const cJSON *policy)
{
    return policy != NULL && strcmp(shown(queue, "policy"), shown(policy, "name")) == 0 &&
           cJSON_Compare(cJSON_GetObjectItemCaseSensitive(queue, "effective_policy_definition"),
                         cJSON_GetObjectItemCaseSensitive(policy, "definition"), true);
}

/* Appends what is in force: name of the policy, name of the operator policy if there is one, definition. */
static void append_in_force(struct buf *out, const cJSON *entry, const char *policy, const char *definition)
{
    char *text = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(entry, definition));
    const char *operators = shown(entry, "operator_policy");

    buf_append_text(out, shown(entry, policy));
    if (strcmp(operators, "none") != 0) {
        buf_printf(out, " with operator policy %s", operators);
    }
    buf_printf(out, " %s", text == NULL ? "{}" : text);
    cJSON_free(text);
}

static void tell_members(struct outcome *outcome, const cJSON *entry)
{
    const struct cluster_queue queue = cluster_queue_of(entry);
    struct buf all = {0}, up = {0};

    cluster_append_names(&all, queue.members);
    cluster_append_names(&up, queue.online);
    outcome_tell(outcome, "members", "of queue %s: %s", shown(entry, "name"),
                 queue.member_count == 0 ? "not reported" : buf_text(&all));
    if (queue.online_count < queue.member_count) {
        outcome_differs(outcome, buf_text(&up), buf_text(&all), "queue %s, members online",
                        shown(entry, "name"));
    }
    buf_free(&all);
    buf_free(&up);
}

static enum error_code tell_wrong(struct outcome *outcome, const cJSON *queue, const cJSON *policy,
                                  const char *wanted_name, struct error *error)
{
    struct buf is = {0}, wanted = {0};
    enum error_code code = ERROR_NONE;

    append_in_force(&is, queue, "policy", "effective_policy_definition");
    if (policy == NULL) {
        buf_append_text(&wanted, wanted_name);
    } else {
        append_in_force(&wanted, policy, "name", "definition");
    }
    if (outcome->checking) {
        outcome_differs(outcome, buf_text(&is), buf_text(&wanted), "queue %s, policy in force",
                        shown(queue, "name"));
    } else {
        code = error_set(
            error, ERROR_SETTING,
            "broker: on queue %s the policy %s is in force instead of %s: give it a priority below %d, or a "
            "pattern that matches none of Sluice's queues",
            shown(queue, "name"), buf_text(&is), buf_text(&wanted), TOPOLOGY_POLICY_PRIORITY);
    }
    buf_free(&is);
    buf_free(&wanted);
    return code;
}

/* --- all of them ------------------------------------------------------------ */

static bool all_right(const struct topology *topology, const cJSON *queues, const cJSON *policies)
{
    for (size_t i = 0; i < topology->queue_count; i++) {
        const char *name = topology->queues[i].name;
        const cJSON *queue = management_named(queues, name);

        if (queue != NULL && !is_right(queue, management_named(policies, policy_of(topology, name)->name))) {
            return false;
        }
    }
    return true;
}

static enum error_code tell_all(const struct topology *topology, const cJSON *queues, const cJSON *policies,
                                struct outcome *outcome, struct error *error)
{
    enum error_code code = ERROR_NONE;

    for (size_t i = 0; code == ERROR_NONE && i < topology->queue_count; i++) {
        const char *name = topology->queues[i].name;
        const char *wanted = policy_of(topology, name)->name;
        const cJSON *queue = management_named(queues, name), *policy = management_named(policies, wanted);

        if (queue == NULL) {
            continue;
        }
        if (outcome->checking) {
            tell_members(outcome, queue);
        }
        if (!is_right(queue, policy)) {
            code = tell_wrong(outcome, queue, policy, wanted, error);
        }
    }
    return code;
}

enum error_code in_force_compare(struct management *management, const char *vhost,
                                 const struct topology *topology, struct outcome *outcome,
                                 struct error *error)
{
    const struct timespec wait = {0, EVERY_US * 1000};
    int64_t deadline = clock_monotonic_us() + PATIENCE_US;
    cJSON *policies = NULL, *queues = NULL;
    bool contested = true;
    enum error_code code = ERROR_NONE;

    if (!outcome->checking) {
        code = ask_contested(management, vhost, topology, &contested, error);
    }
    if (code != ERROR_NONE || !contested) {
        return code;
    }
    code = management_list(management, "policies", vhost, &policies, error);
    while (code == ERROR_NONE) {
        code = management_list(management, "queues", vhost, &queues, error);
        if (code != ERROR_NONE || all_right(topology, queues, policies) || clock_monotonic_us() >= deadline) {
            break;
        }
        cJSON_Delete(queues);
        queues = NULL;
        (void)nanosleep(&wait, NULL);
    }
    if (code == ERROR_NONE) {
        code = tell_all(topology, queues, policies, outcome, error);
    }
    cJSON_Delete(policies);
    cJSON_Delete(queues);
    return code;
}

/* SPDX-License-Identifier: MIT */
#include "inventory.h"

#include "ctl/report.h"

#include <string.h>

/* --- with the management API ----------------------------------------------- */

static cJSON *object_of(const struct topology_argument *arguments)
{
    cJSON *object = cJSON_CreateObject();

    for (const struct topology_argument *a = arguments; a->name != NULL; a++) {
        if (a->text != NULL) {
            (void)cJSON_AddStringToObject(object, a->name, a->text);
        } else {
            (void)cJSON_AddNumberToObject(object, a->name, (double)a->number);
        }
    }
    return object;
}

static void compare_json(struct outcome *outcome, const cJSON *is, const cJSON *wanted, const char *kind,
                         const char *name, const char *member)
{
    char *is_text = is == NULL ? NULL : cJSON_PrintUnformatted(is);
    char *wanted_text = cJSON_PrintUnformatted(wanted);

    if (!cJSON_Compare(is, wanted, true)) {
        outcome_differs(outcome, is_text == NULL ? "none" : is_text, wanted_text == NULL ? "" : wanted_text,
                        "%s %s, %s", kind, name, member);
    }
    cJSON_free(is_text);
    cJSON_free(wanted_text);
}

static void compare_queue(struct outcome *outcome, const cJSON *is, const struct topology_queue *queue)
{
    cJSON *wanted = cJSON_CreateObject(), *durable = cJSON_AddTrueToObject(wanted, "durable");
    cJSON *arguments = object_of(queue->arguments);

    compare_json(outcome, cJSON_GetObjectItemCaseSensitive(is, "durable"), durable, "queue", queue->name,
                 "durable");
    compare_json(outcome, cJSON_GetObjectItemCaseSensitive(is, "arguments"), arguments, "queue", queue->name,
                 "arguments");
    cJSON_Delete(arguments);
    cJSON_Delete(wanted);
}

static void compare_exchange(struct outcome *outcome, const cJSON *is,
                             const struct topology_exchange *exchange)
{
    cJSON *wanted = cJSON_CreateObject();
    const cJSON *member;

    (void)cJSON_AddStringToObject(wanted, "type", exchange->type);
    (void)cJSON_AddTrueToObject(wanted, "durable");
    (void)cJSON_AddFalseToObject(wanted, "auto_delete");
    (void)cJSON_AddFalseToObject(wanted, "internal");
    (void)cJSON_AddItemToObject(wanted, "arguments", object_of(exchange->arguments));
    cJSON_ArrayForEach(member, wanted)
    {
        compare_json(outcome, cJSON_GetObjectItemCaseSensitive(is, member->string), member, "exchange",
                     exchange->name, member->string);
    }
    cJSON_Delete(wanted);
}

static bool is_text(const cJSON *object, const char *name, const char *wanted)
{
    const char *text = management_text(object, name);

    return text != NULL && strcmp(text, wanted) == 0;
}

static bool has_binding(const cJSON *list, const struct topology_binding *binding)
{
    const cJSON *entry;

    cJSON_ArrayForEach(entry, list)
    {
        if (is_text(entry, "source", binding->exchange) && is_text(entry, "destination", binding->to) &&
            is_text(entry, "destination_type", binding->to_exchange ? "exchange" : "queue") &&
            is_text(entry, "routing_key", binding->key)) {
            return true;
        }
    }
    return false;
}

enum error_code inventory_ask(struct inventory *inventory, struct management *management, const char *vhost,
                              const struct topology *topology, struct outcome *outcome, struct error *error)
{
    cJSON *exchanges = NULL, *queues = NULL, *bindings = NULL;
    enum error_code code = management_list(management, "exchanges", vhost, &exchanges, error);

    *inventory = (struct inventory){.bindings_known = true};
    if (code == ERROR_NONE) {
        code = management_list(management, "queues", vhost, &queues, error);
    }
    if (code == ERROR_NONE) {
        code = management_list(management, "bindings", vhost, &bindings, error);
    }
    for (size_t i = 0; code == ERROR_NONE && i < topology->exchange_count; i++) {
        const cJSON *exchange = management_named(exchanges, topology->exchanges[i].name);

        inventory->exchanges[i] = exchange != NULL;
        if (exchange != NULL && outcome->checking) {
            compare_exchange(outcome, exchange, &topology->exchanges[i]);
        }
    }
    for (size_t i = 0; code == ERROR_NONE && i < topology->queue_count; i++) {
        const cJSON *queue = management_named(queues, topology->queues[i].name);

        inventory->queues[i] = queue != NULL;
        if (queue != NULL && outcome->checking) {
            compare_queue(outcome, queue, &topology->queues[i]);
        }
    }
    for (size_t i = 0; code == ERROR_NONE && i < topology->binding_count; i++) {
        inventory->bindings[i] = has_binding(bindings, &topology->bindings[i]);
    }
    for (size_t i = 0; code == ERROR_NONE && i < topology->retired_count; i++) {
        inventory->retired[i] = has_binding(bindings, &topology->retired[i]);
    }
    for (size_t i = 0; code == ERROR_NONE && i < topology->retired_exchange_count; i++) {
        inventory->retired_exchanges[i] = management_named(exchanges, topology->retired_exchanges[i]) != NULL;
    }
    cJSON_Delete(exchanges);
    cJSON_Delete(queues);
    cJSON_Delete(bindings);
    return code;
}

/* --- with AMQP -------------------------------------------------------------- */

/* Checks for a queue or an exchange (the other is NULL). Opens *broker when it is NULL; closes it after a
 * missing object, because the channel is lost then. */
static enum error_code look_at(struct broker **broker, const struct broker_options *options,
                               const char *queue, const char *exchange, bool *there, struct error *error)
{
    uint32_t ready, consumers;
    enum error_code code = ERROR_NONE;

    if (*broker == NULL) {
        code = broker_open(broker, options, error);
    }
    if (code == ERROR_NONE) {
        code = queue != NULL ? broker_inspect(*broker, queue, &ready, &consumers, error)
                             : broker_inspect_exchange(*broker, exchange, error);
        *there = code == ERROR_NONE;
    }
    if (code == ERROR_NOT_FOUND) {
        broker_close(*broker, false);
        *broker = NULL;
        code = ERROR_NONE;
    }
    return code;
}

enum error_code inventory_look(struct inventory *inventory, const struct broker_options *options,
                               const struct topology *topology, struct error *error)
{
    struct broker *broker = NULL;
    enum error_code code = ERROR_NONE;

    *inventory = (struct inventory){.bindings_known = false};
    for (size_t i = 0; code == ERROR_NONE && i < topology->exchange_count; i++) {
        code = look_at(&broker, options, NULL, topology->exchanges[i].name, &inventory->exchanges[i], error);
    }
    for (size_t i = 0; code == ERROR_NONE && i < topology->queue_count; i++) {
        code = look_at(&broker, options, topology->queues[i].name, NULL, &inventory->queues[i], error);
    }
    broker_close(broker, code == ERROR_NONE);
    return code;
}

/* --- reporting -------------------------------------------------------------- */

static void tell(struct outcome *outcome, bool there, const char *kind, const char *name)
{
    if (there) {
        outcome_there(outcome, "%s %s", kind, name);
    } else {
        outcome_missing(outcome, "%s %s", kind, name);
    }
}

static void append_binding(struct buf *out, const struct topology_binding *b)
{
    buf_printf(out, "of %s %s to %s by '%s'", b->to_exchange ? "exchange" : "queue", b->to, b->exchange,
               b->key);
}

static void tell_retired(const struct inventory *inventory, const struct topology *topology,
                         struct outcome *outcome)
{
    struct buf name = {0};

    for (size_t i = 0; i < topology->retired_count; i++) {
        if (inventory->retired[i]) {
            buf_clear(&name);
            append_binding(&name, &topology->retired[i]);
            outcome_differs(outcome, "there", "removed", "binding %s", buf_text(&name));
        }
    }
    for (size_t i = 0; i < topology->retired_exchange_count; i++) {
        if (inventory->retired_exchanges[i]) {
            outcome_differs(outcome, "there", "removed", "exchange %s", topology->retired_exchanges[i]);
        }
    }
    buf_free(&name);
}

void inventory_tell(const struct inventory *inventory, const struct topology *topology,
                    struct outcome *outcome)
{
    for (size_t i = 0; i < topology->exchange_count; i++) {
        tell(outcome, inventory->exchanges[i], "exchange", topology->exchanges[i].name);
    }
    for (size_t i = 0; i < topology->queue_count; i++) {
        tell(outcome, inventory->queues[i], "queue", topology->queues[i].name);
    }
    for (size_t i = 0; inventory->bindings_known && i < topology->binding_count; i++) {
        struct buf name = {0};

        append_binding(&name, &topology->bindings[i]);
        tell(outcome, inventory->bindings[i], "binding", buf_text(&name));
        buf_free(&name);
    }
    if (!inventory->bindings_known) {
        outcome_tell(outcome, outcome->checking ? "unknown" : "done",
                     "%zu bindings: AMQP can't tell whether they existed", topology->binding_count);
    }
    tell_retired(inventory, topology, outcome);
}

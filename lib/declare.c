/* SPDX-License-Identifier: MIT */
#include "declare.h"

#include "amqperror.h"
#include "topology.h"

#include <stdio.h>

#define ARGUMENTS_MAX 8

/* The table refers to entries and to the arguments. */
static amqp_table_t table_of(const struct topology_argument *arguments,
                             amqp_table_entry_t entries[ARGUMENTS_MAX])
{
    int count = 0;

    for (; arguments[count].name != NULL; count++) {
        const struct topology_argument *a = &arguments[count];

        entries[count].key = amqp_cstring_bytes(a->name);
        if (a->text != NULL) {
            entries[count].value = (amqp_field_value_t){.kind = AMQP_FIELD_KIND_UTF8,
                                                        .value = {.bytes = amqp_cstring_bytes(a->text)}};
        } else {
            entries[count].value =
                (amqp_field_value_t){.kind = AMQP_FIELD_KIND_I64, .value = {.i64 = a->number}};
        }
    }
    return (amqp_table_t){count, entries};
}

/* The broker's answer to the last declaration: what was done to `name`, and to or from where if it matters.
 */
static enum error_code answered(struct broker *b, const char *what, const char *name, const char *joint,
                                const char *other, struct error *error)
{
    char all[2 * TOPOLOGY_NAME_MAX + 32];

    (void)snprintf(all, sizeof all, "%s %s%s%s", what, name, joint, other);
    return amqperror_of_reply(all, amqp_get_rpc_reply(broker_connection(b)), error);
}

enum error_code declare_exchange(struct broker *b, const char *name, const char *type,
                                 const struct topology_argument *arguments, struct error *error)
{
    amqp_table_entry_t entries[ARGUMENTS_MAX];

    (void)amqp_exchange_declare(broker_connection(b), BROKER_CHANNEL, amqp_cstring_bytes(name),
                                amqp_cstring_bytes(type), 0, 1, 0, 0, table_of(arguments, entries));
    return answered(b, "declaring exchange", name, "", "", error);
}

enum error_code declare_queue(struct broker *b, const char *name, bool private,
                              const struct topology_argument *arguments, struct error *error)
{
    amqp_table_entry_t entries[ARGUMENTS_MAX];

    (void)amqp_queue_declare(broker_connection(b), BROKER_CHANNEL, amqp_cstring_bytes(name), 0, !private,
                             private, private, table_of(arguments, entries));
    return answered(b, "declaring queue", name, "", "", error);
}

enum error_code declare_binding(struct broker *b, const char *queue, const char *exchange, const char *key,
                                struct error *error)
{
    (void)amqp_queue_bind(broker_connection(b), BROKER_CHANNEL, amqp_cstring_bytes(queue),
                          amqp_cstring_bytes(exchange), amqp_cstring_bytes(key), amqp_empty_table);
    return answered(b, "binding", queue, " to ", exchange, error);
}

enum error_code declare_exchange_binding(struct broker *b, const char *to, const char *exchange,
                                         const char *key, struct error *error)
{
    (void)amqp_exchange_bind(broker_connection(b), BROKER_CHANNEL, amqp_cstring_bytes(to),
                             amqp_cstring_bytes(exchange), amqp_cstring_bytes(key), amqp_empty_table);
    return answered(b, "binding", to, " to ", exchange, error);
}

enum error_code declare_no_binding(struct broker *b, const char *queue, const char *exchange, const char *key,
                                   struct error *error)
{
    (void)amqp_queue_unbind(broker_connection(b), BROKER_CHANNEL, amqp_cstring_bytes(queue),
                            amqp_cstring_bytes(exchange), amqp_cstring_bytes(key), amqp_empty_table);
    return answered(b, "unbinding", queue, " from ", exchange, error);
}

enum error_code declare_no_exchange(struct broker *b, const char *name, struct error *error)
{
    (void)amqp_exchange_delete(broker_connection(b), BROKER_CHANNEL, amqp_cstring_bytes(name), 0);
    return answered(b, "deleting exchange", name, "", "", error);
}

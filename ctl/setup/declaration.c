/* SPDX-License-Identifier: MIT */
#include "declaration.h"

#include "declare.h"

/* A type that has arguments is a plugin's. */
static enum error_code make_exchange(struct broker *broker, const struct topology_exchange *x,
                                     struct error *error)
{
    enum error_code code = declare_exchange(broker, x->name, x->type, x->arguments, error);

    if (code == ERROR_SETTING && x->arguments[0].name != NULL) {
        const struct error why = *error;

        error_set(error, code,
                  "%s; an exchange of this type needs RabbitMQ's plugin " TOPOLOGY_SHARDS_PLUGIN
                  ": " TOPOLOGY_SHARDS_REMEDY,
                  why.text);
    }
    return code;
}

static enum error_code bind_all(struct broker *broker, const struct topology *t, struct error *error)
{
    enum error_code code = ERROR_NONE;

    for (size_t i = 0; code == ERROR_NONE && i < t->binding_count; i++) {
        const struct topology_binding *b = &t->bindings[i];

        code = b->to_exchange ? declare_exchange_binding(broker, b->to, b->exchange, b->key, error)
                              : declare_binding(broker, b->to, b->exchange, b->key, error);
    }
    return code;
}

static enum error_code retire_all(struct broker *broker, const struct topology *t, struct error *error)
{
    enum error_code code = ERROR_NONE;

    for (size_t i = 0; code == ERROR_NONE && i < t->retired_count; i++) {
        code = declare_no_binding(broker, t->retired[i].to, t->retired[i].exchange, t->retired[i].key, error);
    }
    for (size_t i = 0; code == ERROR_NONE && i < t->retired_exchange_count; i++) {
        code = declare_no_exchange(broker, t->retired_exchanges[i], error);
    }
    return code;
}

enum error_code declaration_make(struct broker *broker, const struct topology *t, struct error *error)
{
    enum error_code code = ERROR_NONE;

    for (size_t i = 0; code == ERROR_NONE && i < t->exchange_count; i++) {
        code = make_exchange(broker, &t->exchanges[i], error);
    }
    for (size_t i = 0; code == ERROR_NONE && i < t->queue_count; i++) {
        code = declare_queue(broker, t->queues[i].name, false, t->queues[i].arguments, error);
    }
    if (code == ERROR_NONE) {
        code = bind_all(broker, t, error);
    }
    return code == ERROR_NONE ? retire_all(broker, t, error) : code;
}

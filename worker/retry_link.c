/* SPDX-License-Identifier: MIT */
#include "retry_link.h"

#include "topology.h"

#define HEARTBEAT_S 10

static enum error_code inspect(struct broker *broker, int64_t delay_us, struct error *error)
{
    char exchange[TOPOLOGY_NAME_MAX];
    enum error_code code;

    topology_retry(exchange, delay_us);
    code = broker_inspect_exchange(broker, exchange, error);
    if (code != ERROR_NOT_FOUND) {
        return code;
    }
    return error_set(
        error, code,
        "the broker has no exchange %s: DELAYS must be the same here and in `sluice setup`; run it",
        exchange);
}

enum error_code retry_link_open(struct broker **broker, const struct worker_settings *settings,
                                const char *connection_name, struct error *error)
{
    const struct broker_options options = {
        .access = &settings->broker,
        .connection_name = connection_name,
        .heartbeat_s = HEARTBEAT_S,
        .confirms = true,
    };
    enum error_code code = broker_open(broker, &options, error);

    if (code != ERROR_NONE) {
        return code;
    }
    for (size_t i = 0; code == ERROR_NONE && i < settings->delays.count; i++) {
        code = inspect(*broker, settings->delays.us[i], error);
    }
    if (code != ERROR_NONE) {
        broker_close(*broker, false);
        *broker = NULL;
    }
    return code;
}

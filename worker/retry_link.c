/* SPDX-License-Identifier: MIT */
#include "retry_link.h"

#include "topology.h"

#define HEARTBEAT_S 10

static enum error_code inspect_one(struct broker *broker, int64_t delay_us, struct error *error)
{
    char exchange[TOPOLOGY_NAME_MAX];
    enum error_code code;

    topology_retry(exchange, delay_us);
    code = broker_inspect_exchange(broker, exchange, error);
    if (code != ERROR_NOT_FOUND) {
        return code;
    }
    return error_set(error, code,
                     "the broker has no exchange %s: run `sluice setup` with the same DELAYS as this worker",
                     exchange);
}

static enum error_code inspect(struct broker *broker, const void *wanted, struct error *error)
{
    const struct config_durations *delays = wanted;
    enum error_code code = ERROR_NONE;

    for (size_t i = 0; code == ERROR_NONE && i < delays->count; i++) {
        code = inspect_one(broker, delays->us[i], error);
    }
    return code;
}

enum error_code retry_link_begin(struct opening **opening, const struct worker_settings *settings,
                                 const char *connection_name, struct error *error)
{
    const struct opening_options options = {
        .broker = {.access = &settings->broker,
                   .connection_name = connection_name,
                   .heartbeat_s = HEARTBEAT_S,
                   .confirms = true},
        .check = inspect,
        .wanted = &settings->delays,
        .wanted_size = sizeof settings->delays,
    };

    return opening_begin(opening, &options, error);
}

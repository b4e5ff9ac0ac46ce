/* SPDX-License-Identifier: MIT */
#include "delays.h"

#include "clock.h"

#include <inttypes.h>

#define HEARTBEAT_S 10

const char *delays_wrong(int64_t us)
{
    if (us < 0 || us > TOPOLOGY_DELAY_MOST_S * CLOCK_US_PER_S) {
        return "is not from 0s to 24h";
    }
    return us % CLOCK_US_PER_S == 0 ? NULL : "is not a whole number of seconds";
}

bool delays_has(const struct delays *set, int64_t seconds)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->seconds[i] == seconds) {
            return true;
        }
    }
    return false;
}

bool delays_add(struct delays *set, int64_t seconds)
{
    if (seconds == 0 || delays_has(set, seconds)) {
        return true;
    }
    if (set->count == TOPOLOGY_DELAYS_MAX) {
        return false;
    }
    set->seconds[set->count++] = seconds;
    return true;
}

enum error_code delays_inspect(const struct delays *set, struct broker *broker, struct error *error)
{
    for (size_t i = 0; i < set->count; i++) {
        char exchange[TOPOLOGY_NAME_MAX];
        enum error_code code;

        topology_entry(exchange, set->seconds[i] * CLOCK_US_PER_S);
        code = broker_inspect_exchange(broker, exchange, error);
        if (code == ERROR_NOT_FOUND) {
            return error_set(error, code,
                             "the broker has no delay of %" PRId64
                             " s: name it in DELAYS and run `sluice setup`",
                             set->seconds[i]);
        }
        if (code != ERROR_NONE) {
            return code;
        }
    }
    return ERROR_NONE;
}

enum error_code delays_probe(const struct delays *set, const struct delays *known,
                             const struct broker_access *access, const char *name, struct error *error)
{
    const struct broker_options options = {
        .access = access, .connection_name = name, .heartbeat_s = HEARTBEAT_S};
    struct delays unknown = {.count = 0};
    struct broker *broker = NULL;
    enum error_code code;

    for (size_t i = 0; i < set->count; i++) {
        if (!delays_has(known, set->seconds[i])) {
            unknown.seconds[unknown.count++] = set->seconds[i];
        }
    }
    if (unknown.count == 0) {
        return ERROR_NONE;
    }
    code = broker_open(&broker, &options, error);
    if (code == ERROR_NONE) {
        code = delays_inspect(&unknown, broker, error);
    }
    broker_close(broker, code == ERROR_NONE);
    return code;
}

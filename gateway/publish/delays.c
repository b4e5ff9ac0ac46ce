/* SPDX-License-Identifier: MIT */
#include "delays.h"

#include "clock.h"
#include "opening.h"
#include "signals.h"

#include <inttypes.h>
#include <poll.h>

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
                             "the broker has no exchange for a delay of %" PRId64
                             " s: add it to DELAYS and run `sluice setup`",
                             set->seconds[i]);
        }
        if (code != ERROR_NONE) {
            return code;
        }
    }
    return ERROR_NONE;
}

static enum error_code inspect(struct broker *broker, const void *wanted, struct error *error)
{
    return delays_inspect(wanted, broker, error);
}

/* Until the opening is done, or the process is asked to stop. */
static enum error_code wait_for(struct opening *opening, struct error *error)
{
    struct pollfd fds[] = {{.fd = opening_fd(opening), .events = POLLIN},
                           {.fd = signals_drain_fd(), .events = POLLIN}};
    struct broker *broker;
    enum error_code code;

    while (!opening_is_done(opening)) {
        (void)poll(fds, 2, -1);
        if (signals_drain_requested()) {
            opening_leave(opening);
            return error_set(error, ERROR_TIMEOUT,
                             "the broker was not asked for new delays: a stop came first");
        }
    }
    code = opening_end(opening, &broker, error);
    broker_close(broker, true);
    return code;
}

enum error_code delays_probe(const struct delays *set, const struct delays *known,
                             const struct broker_access *access, const char *name, struct error *error)
{
    struct delays unknown = {.count = 0};
    const struct opening_options options = {
        .broker = {.access = access, .connection_name = name, .heartbeat_s = HEARTBEAT_S},
        .check = inspect,
        .wanted = &unknown,
        .wanted_size = sizeof unknown,
    };
    struct opening *opening;
    enum error_code code;

    for (size_t i = 0; i < set->count; i++) {
        if (!delays_has(known, set->seconds[i])) {
            unknown.seconds[unknown.count++] = set->seconds[i];
        }
    }
    if (unknown.count == 0) {
        return ERROR_NONE;
    }
    code = opening_begin(&opening, &options, error);
    return code == ERROR_NONE ? wait_for(opening, error) : code;
}

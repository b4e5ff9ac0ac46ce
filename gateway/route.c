/* SPDX-License-Identifier: MIT */
#include "route.h"

#include "log.h"

static struct source default_source = {
    .name = {"default", sizeof "default" - 1},
    .verify = {.scheme = VERIFY_NONE},
    .keep = ENVELOPE_KEEP_NEWEST,
    .exchange = TOPOLOGY_EVENTS,
};

void route_set_delay(int64_t delay_us)
{
    topology_entry(default_source.exchange, delay_us);
}

void route_announce(void)
{
    log_warning("unverified", log_span("source", default_source.name),
                log_text("message", "takes everything from anybody: no routes are configured"));
}

const struct source *route_find(struct span method, struct span path)
{
    (void)method;
    (void)path;
    return &default_source;
}

/* SPDX-License-Identifier: MIT */
#include "consumers.h"

#include "clock.h"
#include "log.h"
#include "topology.h"

/* Another worker may have taken what waited in a queue. */
#define LEAVE_US CLOCK_US_PER_S

/* A queue that is missing says nothing of the setting that asks for it. */
static enum error_code explained(const struct consumers *c, const char *queue, enum error_code code,
                                 struct error *error)
{
    if (code == ERROR_NOT_FOUND && c->shards > 1) {
        return error_set(
            error, code,
            "the broker has no queue %s, but QUEUE_SHARDS is %zu: run sluice setup with the same "
            "QUEUE_SHARDS, or start this worker with setup's",
            queue, c->shards);
    }
    return code;
}

uint16_t consumers_share(const struct consumers *c, uint16_t prefetch, size_t shard)
{
    size_t share = prefetch / c->shards + (shard < prefetch % c->shards ? 1 : 0);

    return share < 1 ? 1 : (uint16_t)share;
}

/* Begins one consumer beside those that there are. */
static enum error_code add(struct consumers *c, struct broker *broker, size_t shard, uint16_t prefetch,
                           struct error *error)
{
    char queue[TOPOLOGY_NAME_MAX];
    enum error_code code = broker_prefetch(broker, prefetch, error);

    topology_ingest(queue, shard);
    if (code == ERROR_NONE) {
        code = explained(c, queue, broker_consume(broker, queue, error), error);
    }
    if (code == ERROR_NONE) {
        c->prefetch = (uint16_t)(c->prefetch + prefetch);
        log_info("consuming", log_text("queue", queue), log_number("prefetch", prefetch));
    }
    return code;
}

enum error_code consumers_fill(struct consumers *c, struct broker *broker, uint16_t prefetch,
                               struct error *error)
{
    enum error_code code = broker_cancel(broker, error);

    c->prefetch = 0;
    c->untried = 0;
    c->leave_us = INT64_MAX;
    for (size_t i = 0; code == ERROR_NONE && i < c->shards; i++) {
        code = add(c, broker, i, consumers_share(c, prefetch, i), error);
    }
    return code;
}

enum error_code consumers_try_next(struct consumers *c, struct broker *broker, int64_t now_us,
                                   struct error *error)
{
    size_t shard = 0;
    enum error_code code;

    if (c->untried == 0) {
        return consumers_fill(c, broker, 1, error);
    }
    while ((c->untried >> shard & 1) == 0) {
        shard++;
    }
    c->untried &= ~(UINT32_C(1) << shard);
    c->leave_us = now_us + LEAVE_US;
    c->prefetch = 0;
    code = broker_cancel(broker, error);
    return code == ERROR_NONE ? add(c, broker, shard, 1, error) : code;
}

enum error_code consumers_begin(struct consumers *c, struct broker *broker, int64_t now_us,
                                struct error *error)
{
    enum error_code code = ERROR_NONE;

    c->untried = 0;
    for (size_t i = 0; c->shards > 1 && code == ERROR_NONE && i < c->shards; i++) {
        char queue[TOPOLOGY_NAME_MAX];
        uint32_t ready = 0, others;

        topology_ingest(queue, i);
        code = explained(c, queue, broker_inspect(broker, queue, &ready, &others, error), error);
        c->untried |= ready > 0 ? UINT32_C(1) << i : 0;
    }
    return code == ERROR_NONE ? consumers_try_next(c, broker, now_us, error) : code;
}

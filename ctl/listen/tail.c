/* SPDX-License-Identifier: MIT */
#include "tail.h"

#include "backoff.h"
#include "clock.h"
#include "declare.h"

#include <stdlib.h>

#define HEARTBEAT_S 20
#define INSPECT_US CLOCK_US_PER_S
#define EVERY_SOURCE "#"

static enum error_code bind_sources(struct tail *t, const struct option_texts *sources, struct error *error)
{
    enum error_code code = ERROR_NONE;

    if (sources->count == 0) {
        return declare_binding(t->broker, t->queue, TOPOLOGY_EVENTS, EVERY_SOURCE, error);
    }
    for (size_t i = 0; code == ERROR_NONE && i < sources->count; i++) {
        code = declare_binding(t->broker, t->queue, TOPOLOGY_EVENTS, sources->values[i], error);
    }
    return code;
}

enum error_code tail_open(struct tail *t, const struct broker_access *access,
                          const struct option_texts *sources, struct error *error)
{
    const struct broker_options options = {
        .access = access, .connection_name = "sluice listen", .heartbeat_s = HEARTBEAT_S};
    enum error_code code;

    *t = (struct tail){0};
    topology_listen(t->queue, (uint64_t)backoff_random() << 32 | backoff_random());
    code = broker_open(&t->broker, &options, error);
    if (code == ERROR_NONE) {
        code = declare_queue(t->broker, t->queue, true, topology_listen_arguments, error);
    }
    if (code == ERROR_NONE) {
        code = broker_prefetch(t->broker, TAIL_AHEAD, error);
    }
    /* Bound last: no message can come before there is a consumer. */
    if (code == ERROR_NONE) {
        code = broker_consume(t->broker, t->queue, error);
    }
    if (code == ERROR_NONE) {
        code = bind_sources(t, sources, error);
    }
    return code;
}

static void lose(struct tail *t, const struct error *why)
{
    t->lost = true;
    t->why = *why;
}

static void hold(struct tail *t, struct broker_delivery *delivery)
{
    if (t->count == TAIL_AHEAD) {
        free(delivery);
        (void)error_set(&t->why, ERROR_BUG, "the broker sent more than %d messages ahead", TAIL_AHEAD);
        t->lost = true;
        return;
    }
    t->held[(t->first + t->count++) % TAIL_AHEAD] = delivery;
}

void tail_read(struct tail *t)
{
    struct broker_event event = {.kind = BROKER_DELIVERY};
    struct error error = {0};

    while (!t->lost && event.kind != BROKER_IDLE) {
        broker_next(t->broker, &event, &error);
        switch (event.kind) {
        case BROKER_DELIVERY:
            hold(t, event.delivery);
            break;
        case BROKER_CANCELLED:
            (void)error_set(&error, ERROR_CLOSED, "the broker has deleted the queue %s", t->queue);
            lose(t, &error);
            break;
        case BROKER_CLOSED:
            lose(t, &error);
            break;
        case BROKER_IDLE:
        case BROKER_BLOCKED: /* for publishers */
        case BROKER_UNBLOCKED:
        case BROKER_ACK: /* nothing is published */
        case BROKER_NACK:
        case BROKER_RETURNED:
            break;
        }
    }
}

const struct broker_delivery *tail_first(const struct tail *t)
{
    return t->count == 0 ? NULL : t->held[t->first];
}

void tail_done(struct tail *t)
{
    struct broker_delivery *delivery = t->held[t->first];
    struct error error;

    if (!t->lost && broker_ack(t->broker, delivery->tag, false, &error) != ERROR_NONE) {
        lose(t, &error);
    }
    free(delivery);
    t->first = (t->first + 1) % TAIL_AHEAD;
    t->count--;
}

bool tail_is_full(struct tail *t)
{
    int64_t now = clock_monotonic_us();
    uint32_t ready = 0, consumers;
    struct error error;

    if (t->lost || now - t->inspected_us < INSPECT_US) {
        return false;
    }
    t->inspected_us = now;
    if (broker_inspect(t->broker, t->queue, &ready, &consumers, &error) != ERROR_NONE) {
        lose(t, &error);
    }
    /* What was acked a moment ago has made room for as many. */
    return ready >= TOPOLOGY_LISTEN_LENGTH - TAIL_AHEAD;
}

void tail_close(struct tail *t)
{
    while (t->count > 0) {
        free(t->held[t->first]);
        t->first = (t->first + 1) % TAIL_AHEAD;
        t->count--;
    }
    broker_close(t->broker, !t->lost);
    t->broker = NULL;
}

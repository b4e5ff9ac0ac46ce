/* SPDX-License-Identifier: MIT */
#include "deliver.h"

#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "topology.h"

#include <stdlib.h>

#define HEARTBEAT_S 10
#define RECONNECT_BASE_US (200 * CLOCK_US_PER_MS)
#define RECONNECT_CAP_US (3 * CLOCK_US_PER_S)

enum { DELIVERED, REDELIVERED, MALFORMED, ACKED, CONNECTED, LOST, METRICS };

static struct metric metrics[METRICS] = {
    [DELIVERED] = {"sluice_worker_deliveries_total", NULL, "Messages received from the broker.",
                   METRIC_COUNTER, 0},
    [REDELIVERED] = {"sluice_worker_redeliveries_total", NULL, "Of them, such as were delivered before.",
                     METRIC_COUNTER, 0},
    [MALFORMED] = {"sluice_worker_malformed_total", NULL, "Of them, such as no gateway wrote.",
                   METRIC_COUNTER, 0},
    [ACKED] = {"sluice_worker_acked_total", NULL, "Messages acknowledged.", METRIC_COUNTER, 0},
    [CONNECTED] = {"sluice_worker_broker_connects_total", NULL, "Connections made to the broker.",
                   METRIC_COUNTER, 0},
    [LOST] = {"sluice_worker_broker_failures_total", NULL, "Connections to the broker lost or not made.",
              METRIC_COUNTER, 0},
};

enum error_code deliver_init(struct deliver *d, const struct worker_settings *settings,
                             const char *connection_name, struct error *error)
{
    *d = (struct deliver){
        .settings = settings,
        .connection_name = connection_name,
        .state = DELIVER_AWAY,
        .backoff = {.base_us = RECONNECT_BASE_US, .cap_us = RECONNECT_CAP_US},
    };
    metrics_register(metrics, METRICS);
    /* One more than the prefetch: the careful consumer's one may be there still when the full one begins. */
    return ack_init(&d->ack, (size_t)settings->prefetch + 1, error);
}

/* What was delivered by a channel that is gone comes again: keeping it would only store it twice. */
static void forget(struct deliver *d)
{
    ack_reset(&d->ack);
    backlog_clear(&d->backlog);
}

/* Nothing more can be done with the connection: whatever isn't acked comes again, here or elsewhere. */
static void lose(struct deliver *d, const struct error *error, int64_t now_us)
{
    int64_t wait_us = backoff_next(&d->backoff, backoff_random());

    metric_add(&metrics[LOST], 1);
    log_warning("broker-away", log_text("reason", error->text),
                log_number("unacked", (int64_t)ack_owed(&d->ack)),
                log_number("retry_ms", wait_us / CLOCK_US_PER_MS));
    broker_close(d->broker, false);
    d->broker = NULL;
    d->state = DELIVER_AWAY;
    d->next_attempt_us = now_us + wait_us;
    forget(d);
}

static void connect(struct deliver *d, int64_t now_us)
{
    const struct broker_options options = {
        .access = &d->settings->broker,
        .connection_name = d->connection_name,
        .heartbeat_s = HEARTBEAT_S,
    };
    struct error error;

    if (broker_open(&d->broker, &options, &error) != ERROR_NONE) {
        lose(d, &error, now_us);
        return;
    }
    metric_add(&metrics[CONNECTED], 1);
    log_info("broker-connected", log_text("name", d->connection_name));
    ack_reset(&d->ack);
    d->channel++;
    d->state = DELIVER_IDLE;
}

static void consume(struct deliver *d, enum deliver_state state, int64_t now_us)
{
    uint16_t prefetch = state == DELIVER_CAREFUL ? 1 : (uint16_t)d->settings->prefetch;
    struct error error;
    enum error_code code = ERROR_NONE;

    if (d->state == DELIVER_CAREFUL) {
        code = broker_cancel(d->broker, &error);
    }
    if (code == ERROR_NONE) {
        code = broker_prefetch(d->broker, prefetch, &error);
    }
    if (code == ERROR_NONE) {
        code = broker_consume(d->broker, TOPOLOGY_INGEST, &error);
    }
    if (code != ERROR_NONE) {
        lose(d, &error, now_us);
        return;
    }
    d->state = state;
    backoff_reset(&d->backoff); /* not before: a broker without the queue lets everybody in */
    log_info("consuming", log_text("queue", TOPOLOGY_INGEST), log_number("prefetch", prefetch));
}

/* False when the connection had to be given up. */
static bool accept_delivery(struct deliver *d, struct broker_delivery *delivery, struct error *error)
{
    struct event *event;

    if (!ack_received(&d->ack, delivery->tag)) {
        (void)error_set(error, ERROR_MALFORMED, "delivery tag %llu came with %zu unacked",
                        (unsigned long long)delivery->tag, ack_owed(&d->ack));
        free(delivery);
        return false;
    }
    event = event_new(delivery, d->channel);
    if (event == NULL) {
        (void)error_set(error, ERROR_MEMORY, "no memory for an event");
        free(delivery);
        return false;
    }
    metric_add(&metrics[DELIVERED], 1);
    metric_add(&metrics[REDELIVERED], delivery->redelivered);
    metric_add(&metrics[MALFORMED], event->malformed);
    backlog_add(&d->backlog, event);
    return true;
}

static void read_events(struct deliver *d, int64_t now_us)
{
    struct broker_event event;
    struct error error;
    bool fresh = false;

    for (;;) {
        broker_next(d->broker, &event, &error);
        switch (event.kind) {
        case BROKER_IDLE:
            if (d->state == DELIVER_CAREFUL && fresh) {
                consume(d, DELIVER_FULL, now_us);
            }
            return;
        case BROKER_DELIVERY:
            fresh = fresh || !event.delivery->redelivered;
            if (!accept_delivery(d, event.delivery, &error)) {
                lose(d, &error, now_us);
                return;
            }
            break;
        case BROKER_CANCELLED:
            (void)error_set(&error, ERROR_NOT_FOUND,
                            "the broker ended the consumer: was %s deleted? Run sluice setup",
                            TOPOLOGY_INGEST);
            lose(d, &error, now_us);
            return;
        case BROKER_CLOSED:
            lose(d, &error, now_us);
            return;
        case BROKER_ACK:
        case BROKER_NACK:
        case BROKER_RETURNED:
        case BROKER_BLOCKED: /* an alarm stops publishers; consumers go on */
        case BROKER_UNBLOCKED:
            break;
        }
    }
}

void deliver_step(struct deliver *d, bool want, int64_t now_us)
{
    if (d->state == DELIVER_AWAY && now_us >= d->next_attempt_us) {
        connect(d, now_us);
    }
    if (d->state == DELIVER_IDLE && want) {
        consume(d, DELIVER_CAREFUL, now_us);
    }
    if (d->state != DELIVER_AWAY) {
        read_events(d, now_us);
    }
}

void deliver_take_back(struct deliver *d, struct event *event)
{
    bool current = d->state != DELIVER_AWAY && event->channel == d->channel;

    if (current && !event_settled(event)) {
        backlog_add(&d->backlog, event);
        return;
    }
    if (current) {
        ack_settle(&d->ack, event->delivery->tag);
    }
    event_free(event);
}

/* False: the connection had to be given up. */
static bool send_ack(struct deliver *d, uint64_t tag, bool multiple, int64_t now_us)
{
    struct error error;

    if (broker_ack(d->broker, tag, multiple, &error) == ERROR_NONE) {
        return true;
    }
    lose(d, &error, now_us);
    return false;
}

void deliver_flush(struct deliver *d, bool past_gaps, int64_t now_us)
{
    size_t owed = ack_owed(&d->ack);
    uint64_t tag = d->state == DELIVER_AWAY ? 0 : ack_take(&d->ack);

    if (tag != 0 && !send_ack(d, tag, true, now_us)) {
        return;
    }
    while (past_gaps && d->state != DELIVER_AWAY && (tag = ack_take_alone(&d->ack)) != 0) {
        if (!send_ack(d, tag, false, now_us)) {
            return;
        }
    }
    metric_add(&metrics[ACKED], (int64_t)(owed - ack_owed(&d->ack)));
}

void deliver_stop(struct deliver *d, int64_t now_us)
{
    struct error error;

    if (d->state == DELIVER_CAREFUL || d->state == DELIVER_FULL) {
        if (broker_cancel(d->broker, &error) == ERROR_NONE) {
            d->state = DELIVER_STOPPED;
        } else {
            lose(d, &error, now_us);
        }
    }
}

void deliver_release(struct deliver *d, int64_t now_us)
{
    if (d->state != DELIVER_AWAY) {
        broker_close(d->broker, true);
        d->broker = NULL;
        d->state = DELIVER_AWAY;
        d->next_attempt_us = now_us;
        forget(d);
    }
}

int deliver_fd(const struct deliver *d)
{
    return d->state == DELIVER_AWAY ? -1 : broker_fd(d->broker);
}

void deliver_end(struct deliver *d)
{
    broker_close(d->broker, true);
    backlog_clear(&d->backlog);
    ack_free(&d->ack);
    *d = (struct deliver){0};
}

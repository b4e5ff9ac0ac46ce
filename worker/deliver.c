/* SPDX-License-Identifier: MIT */
#include "deliver.h"

#include "clock.h"
#include "latency.h"
#include "log.h"
#include "metrics.h"
#include "topology.h"

#include <stdlib.h>

#define HEARTBEAT_S 10
#define RECONNECT_BASE_US (200 * CLOCK_US_PER_MS)
#define RECONNECT_CAP_US (3 * CLOCK_US_PER_S)

enum { DELIVERED, REDELIVERED, MALFORMED, NEWER, ACKED, GIVEN_BACK, CONNECTED, LOST, METRICS };

static struct metric metrics[METRICS] = {
    [DELIVERED] = {"sluice_worker_deliveries_total", NULL, "Messages received from the broker.",
                   METRIC_COUNTER, 0},
    [REDELIVERED] = {"sluice_worker_redeliveries_total", NULL,
                     "Messages received that had been delivered before.", METRIC_COUNTER, 0},
    [MALFORMED] = {"sluice_worker_malformed_total", NULL, "Messages received that no gateway wrote.",
                   METRIC_COUNTER, 0},
    [NEWER] = {"sluice_worker_newer_total", NULL,
               "Messages received with an envelope of a later release: this worker must be upgraded.",
               METRIC_COUNTER, 0},
    [ACKED] = {"sluice_worker_acked_total", NULL, "Messages acknowledged.", METRIC_COUNTER, 0},
    [GIVEN_BACK] =
        {"sluice_worker_given_back_total", NULL,
         "Messages given back to the queue by themselves: held too long, with no retry queue to take "
         "them.",
         METRIC_COUNTER, 0},
    [CONNECTED] = {"sluice_worker_broker_connects_total", NULL, "Connections made to the broker.",
                   METRIC_COUNTER, 0},
    [LOST] = {"sluice_worker_broker_failures_total", NULL, "Connections to the broker lost or not made.",
              METRIC_COUNTER, 0},
};

void deliver_register(void)
{
    metrics_register(metrics, METRICS);
}

enum error_code deliver_init(struct deliver *d, const struct worker_settings *settings,
                             const char *connection_name, struct error *error)
{
    *d = (struct deliver){
        .settings = settings,
        .connection_name = connection_name,
        .state = DELIVER_AWAY,
        .backoff = {.base_us = RECONNECT_BASE_US, .cap_us = RECONNECT_CAP_US},
    };
    d->most = worker_settings_prefetch(settings);
    /* What earlier consumers of the channel delivered may be unacked still, up to a prefetch of them, when
     * the next one begins; and the careful one's. */
    return ack_init(&d->ack, 2 * (size_t)d->most + 1, error);
}

/* What was delivered by a channel that is gone comes again: keeping it would only store it twice. */
static void forget(struct deliver *d)
{
    ack_reset(&d->ack);
    event_queue_clear(&d->arrived);
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

static void begin_to_connect(struct deliver *d, int64_t now_us)
{
    const struct opening_options options = {
        .broker = {&d->settings->broker, d->connection_name, .heartbeat_s = HEARTBEAT_S}};
    struct error error;

    if (opening_begin(&d->opening, &options, &error) != ERROR_NONE) {
        lose(d, &error, now_us);
        return;
    }
    d->next_attempt_us = INT64_MAX; /* its end is what is waited for */
}

static void end_connecting(struct deliver *d, int64_t now_us)
{
    struct error error;
    enum error_code code = opening_end(d->opening, &d->broker, &error);

    d->opening = NULL;
    if (code != ERROR_NONE) {
        lose(d, &error, now_us);
        return;
    }
    metric_add(&metrics[CONNECTED], 1);
    log_info("broker-connected", log_text("name", d->connection_name),
             log_text("node", broker_node(d->broker)));
    ack_reset(&d->ack);
    d->channel++;
    d->answered = false;
    d->state = DELIVER_IDLE;
}

/* So many events of the usual size fill half of the memory, at most. */
static uint16_t prefetch_within_memory(const struct deliver *d)
{
    size_t room = d->usual_bytes == 0 ? d->most : (size_t)d->settings->memory / 2 / d->usual_bytes;

    return room < 1 ? 1 : room < d->most ? (uint16_t)room : d->most;
}

static bool has_consumer(const struct deliver *d)
{
    return d->state == DELIVER_CAREFUL || d->state == DELIVER_FULL;
}

static void consume(struct deliver *d, enum deliver_state state, int64_t now_us)
{
    uint16_t prefetch = state == DELIVER_CAREFUL ? 1 : prefetch_within_memory(d);
    struct error error;
    enum error_code code = ERROR_NONE;

    if (has_consumer(d)) {
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
    d->prefetch = prefetch;
    d->begun = true;
    backoff_reset(&d->backoff); /* not before: a broker without the queue lets everybody in */
    log_info("consuming", log_text("queue", TOPOLOGY_INGEST), log_number("prefetch", prefetch));
}

/* Ends the consumer and keeps the channel. */
static void end_consumer(struct deliver *d, enum deliver_state state, int64_t now_us)
{
    struct error error;

    if (has_consumer(d) && broker_cancel(d->broker, &error) != ERROR_NONE) {
        lose(d, &error, now_us);
        return;
    }
    d->state = state;
}

/* After too much was held. */
static bool may_go_on(const struct deliver *d)
{
    return ack_bytes(&d->ack) <= (size_t)d->settings->memory / 2 && ack_owed(&d->ack) <= d->most;
}

/* Events have become smaller: worth another consumer when it may take twice as many, or all there may be. */
static bool may_take_more(const struct deliver *d)
{
    uint16_t prefetch = prefetch_within_memory(d);

    return d->prefetch < prefetch && (prefetch == d->most || prefetch / 2 >= d->prefetch) &&
           ack_owed(&d->ack) <= d->most;
}

/* Begins the consumer that fits, and ends one that has brought too much. */
static void adjust_consumer(struct deliver *d, bool want, int64_t now_us)
{
    size_t bytes = ack_bytes(&d->ack), memory = (size_t)d->settings->memory;

    switch (d->state) {
    case DELIVER_AWAY:
    case DELIVER_STOPPED:
    case DELIVER_CAREFUL: /* deliver_flush begins the full consumer */
        break;
    case DELIVER_IDLE:
        if (want) {
            consume(d, DELIVER_CAREFUL, now_us);
        }
        break;
    case DELIVER_FULL:
        if (bytes > memory) {
            log_warning("sated", log_number("bytes", (int64_t)bytes),
                        log_number("memory", d->settings->memory),
                        log_number("unacked", (int64_t)ack_owed(&d->ack)));
            end_consumer(d, DELIVER_SATED, now_us);
        } else if (may_take_more(d)) {
            consume(d, DELIVER_FULL, now_us);
        }
        break;
    case DELIVER_SATED:
        if (may_go_on(d)) {
            consume(d, DELIVER_FULL, now_us);
        }
        break;
    }
}

static void note_size(struct deliver *d, size_t bytes)
{
    /* The first one counts whole, then each for a sixteenth. */
    d->usual_bytes = d->usual_bytes == 0 ? bytes : d->usual_bytes - d->usual_bytes / 16 + bytes / 16;
}

/* False when the connection had to be given up. */
static bool accept_delivery(struct deliver *d, struct broker_delivery *delivery, int64_t now_us,
                            struct error *error)
{
    int64_t wall_us = clock_wall_us();
    struct event *event = event_new(delivery, d->channel, now_us);

    if (event == NULL) {
        (void)error_set(error, ERROR_MEMORY, "no memory for an event");
        free(delivery);
        return false;
    }
    if (!ack_received(&d->ack, delivery->tag, event_bytes(event), event_since_us(event, wall_us))) {
        (void)error_set(error, ERROR_MALFORMED, "delivery tag %llu came with %zu unacked",
                        (unsigned long long)delivery->tag, ack_owed(&d->ack));
        event_free(event);
        return false;
    }
    note_size(d, event_bytes(event));
    latency_delivered(event, wall_us);
    metric_add(&metrics[DELIVERED], 1);
    metric_add(&metrics[REDELIVERED], delivery->redelivered);
    metric_add(&metrics[MALFORMED], event->form == EVENT_MALFORMED);
    metric_add(&metrics[NEWER], event->form == EVENT_NEWER);
    event_queue_push(&d->arrived, event);
    return true;
}

static void read_events(struct deliver *d, int64_t now_us)
{
    struct broker_event event;
    struct error error;

    for (;;) {
        broker_next(d->broker, &event, &error);
        switch (event.kind) {
        case BROKER_IDLE:
            return;
        case BROKER_DELIVERY:
            if (!accept_delivery(d, event.delivery, now_us, &error)) {
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
    if (d->opening != NULL && opening_is_done(d->opening)) {
        end_connecting(d, now_us);
    } else if (d->state == DELIVER_AWAY && now_us >= d->next_attempt_us) {
        begin_to_connect(d, now_us);
    }
    adjust_consumer(d, want, now_us);
    d->begun = false;
    if (d->state != DELIVER_AWAY) {
        read_events(d, now_us);
    }
}

bool deliver_is_due(const struct deliver *d, bool want)
{
    return d->begun || (d->state == DELIVER_IDLE && want) || (d->state == DELIVER_SATED && may_go_on(d));
}

struct event *deliver_take(struct deliver *d)
{
    return event_queue_pop(&d->arrived);
}

uint64_t deliver_channel(const struct deliver *d)
{
    return d->state == DELIVER_AWAY ? 0 : d->channel;
}

void deliver_answered(struct deliver *d, uint64_t channel)
{
    d->answered = d->answered || channel == deliver_channel(d);
}

void deliver_settle(struct deliver *d, struct event *event)
{
    if (event->channel == deliver_channel(d)) {
        d->answered = true;
        ack_settle(&d->ack, event->delivery->tag);
    }
    event_free(event);
}

void deliver_give_back(struct deliver *d, struct event *event, int64_t now_us)
{
    struct error error;

    if (event->channel == deliver_channel(d)) {
        ack_given_back(&d->ack, event->delivery->tag);
        metric_add(&metrics[GIVEN_BACK], 1);
        if (broker_reject(d->broker, event->delivery->tag, &error) != ERROR_NONE) {
            lose(d, &error, now_us);
        }
    }
    event_free(event);
}

struct flush {
    struct deliver *deliver;
    struct error error;
};

static bool send_ack(void *context, uint64_t tag, bool multiple)
{
    struct flush *flush = context;

    return broker_ack(flush->deliver->broker, tag, multiple, &flush->error) == ERROR_NONE;
}

void deliver_flush(struct deliver *d, int64_t now_us)
{
    struct flush flush = {.deliver = d};
    size_t owed;

    /* Before the ack: the careful consumer has no credit then, so that nothing is on its way to it, which the
     * broker would take back and charge with a delivery. */
    if (d->state == DELIVER_CAREFUL && d->answered) {
        consume(d, DELIVER_FULL, now_us);
    }
    owed = ack_owed(&d->ack);
    if (d->state != DELIVER_AWAY && !ack_flush(&d->ack, send_ack, &flush)) {
        lose(d, &flush.error, now_us);
    } else {
        metric_add(&metrics[ACKED], (int64_t)(owed - ack_owed(&d->ack)));
    }
}

void deliver_stop(struct deliver *d, int64_t now_us)
{
    if (d->state != DELIVER_AWAY && d->state != DELIVER_IDLE) {
        end_consumer(d, DELIVER_STOPPED, now_us);
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
    return d->state == DELIVER_AWAY ? opening_fd(d->opening) : broker_fd(d->broker);
}

void deliver_end(struct deliver *d)
{
    opening_leave(d->opening);
    broker_close(d->broker, true);
    event_queue_clear(&d->arrived);
    ack_free(&d->ack);
    *d = (struct deliver){0};
}

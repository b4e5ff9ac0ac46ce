/* SPDX-License-Identifier: MIT */
#include "deliver.h"

#include "clock.h"
#include "deliver_counts.h"
#include "latency.h"
#include "lifetime.h"
#include "log.h"
#include "topology.h"
#include "unpack.h"

#include <stdlib.h>

#define HEARTBEAT_S 10
#define RECONNECT_BASE_US (200 * CLOCK_US_PER_MS)
#define RECONNECT_CAP_US (3 * CLOCK_US_PER_S)
#define RENEW_US (5 * CLOCK_US_PER_S) /* how long a worker takes nothing new before it reconnects */

enum error_code deliver_init(struct deliver *d, const struct worker_settings *settings,
                             const char *connection_name, struct error *error)
{
    *d = (struct deliver){
        .settings = settings,
        .connection_name = connection_name,
        .state = DELIVER_AWAY,
        .backoff = {.base_us = RECONNECT_BASE_US, .cap_us = RECONNECT_CAP_US},
    };
    d->limit =
        (struct prefetch){.most = worker_settings_prefetch(settings), .memory = (size_t)settings->memory};
    d->consumers.shards = (size_t)settings->shards;
    /* Unacked may be a prefetch of earlier consumers, one of the next, and one message of each queue. */
    return ack_init(&d->ack, 2 * (size_t)d->limit.most + d->consumers.shards, error);
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

    deliver_counts_lost();
    d->replacing = false;
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
    deliver_counts_connected();
    d->replacing = false;
    log_info("broker-connected", log_text("name", d->connection_name),
             log_text("node", broker_node(d->broker)));
    ack_reset(&d->ack);
    d->channel++;
    d->answered = false;
    d->state = DELIVER_IDLE;
    d->renew_at_us = lifetime_end_us(d->settings->broker_max_age_us, backoff_random(), now_us);
}

static bool has_consumer(const struct deliver *d)
{
    return d->state == DELIVER_CAREFUL || d->state == DELIVER_FULL;
}

static void consume(struct deliver *d, enum deliver_state state, int64_t now_us)
{
    struct error error;
    enum error_code code;

    if (state == DELIVER_FULL) {
        code = consumers_fill(&d->consumers, d->broker, prefetch_now(&d->limit), &error);
    } else if (d->state == DELIVER_CAREFUL) {
        code = consumers_try_next(&d->consumers, d->broker, now_us, &error);
    } else {
        code = consumers_begin(&d->consumers, d->broker, now_us, &error);
    }
    if (code != ERROR_NONE) {
        lose(d, &error, now_us);
        return;
    }
    d->state = state;
    d->begun = true;
    backoff_reset(&d->backoff); /* not before: a broker without the queue lets everybody in */
}

/* Ends the consumers and keeps the channel. */
static void end_consumer(struct deliver *d, enum deliver_state state, int64_t now_us)
{
    struct error error;

    if (has_consumer(d) && broker_cancel(d->broker, &error) != ERROR_NONE) {
        lose(d, &error, now_us);
        return;
    }
    d->state = state;
}

/* An old connection takes nothing new, so that it can be closed when no ack is owed. If events are parked or
 * held for more than RENEW_US, the worker goes on, and tries again later. A careful consumer would take
 * nothing either. */
static void renew(struct deliver *d, int64_t now_us)
{
    if (ack_owed(&d->ack) == 0) {
        log_info("broker-renewed", log_text("old_node", broker_node(d->broker)),
                 log_text("reason", "the connection is older than BROKER_MAX_AGE"));
        deliver_release(d, now_us);
        d->replacing = true;
    } else if (d->answered && now_us >= d->renew_at_us + RENEW_US) {
        log_info("broker-not-renewed", log_number("unacked", (int64_t)ack_owed(&d->ack)));
        d->renew_at_us = now_us + LIFETIME_AGAIN_US;
        d->state = DELIVER_SATED;
    }
}

static void adjust_full_consumer(struct deliver *d, int64_t now_us)
{
    if (prefetch_is_exceeded(&d->limit, &d->ack)) {
        log_warning("sated", log_number("bytes", (int64_t)ack_bytes(&d->ack)),
                    log_number("memory", d->settings->memory),
                    log_number("unacked", (int64_t)ack_owed(&d->ack)));
        end_consumer(d, DELIVER_SATED, now_us);
    } else if (prefetch_may_rise(&d->limit, d->consumers.prefetch, &d->ack)) {
        consume(d, DELIVER_FULL, now_us);
    }
}

/* Begins the consumer that fits, and ends one that has brought too much or whose connection is old. */
static void adjust_consumer(struct deliver *d, bool want, int64_t now_us)
{
    if (has_consumer(d) && now_us >= d->renew_at_us) {
        d->renew_at_us = now_us;
        end_consumer(d, DELIVER_RENEWING, now_us);
        return;
    }
    switch (d->state) {
    case DELIVER_AWAY:
    case DELIVER_STOPPED:
        break;
    case DELIVER_CAREFUL: /* deliver_flush goes on when there is an answer */
        if (now_us >= d->consumers.leave_us && ack_owed(&d->ack) == 0) {
            consume(d, DELIVER_CAREFUL, now_us);
        }
        break;
    case DELIVER_IDLE:
        if (now_us >= d->renew_at_us) {
            renew(d, now_us);
        } else if (want) {
            consume(d, DELIVER_CAREFUL, now_us);
        }
        break;
    case DELIVER_FULL:
        adjust_full_consumer(d, now_us);
        break;
    case DELIVER_RENEWING:
        renew(d, now_us);
        break;
    case DELIVER_SATED:
        if (prefetch_may_go_on(&d->limit, &d->ack)) {
            consume(d, DELIVER_FULL, now_us);
        }
        break;
    }
}

/* False when the connection must be given up. */
static bool accept_delivery(struct deliver *d, struct broker_delivery *delivery, int64_t now_us,
                            struct error *error)
{
    int64_t wall_us = clock_wall_us();
    uint64_t tag = delivery->tag;
    struct event_queue events = {0};
    size_t bytes;

    if (!unpack(delivery, d->channel, now_us, &events)) {
        (void)error_set(error, ERROR_MEMORY, "no memory for an event");
        free(delivery);
        return false;
    }
    bytes = event_queue_bytes(&events);
    if (!ack_received(&d->ack, tag, events.count, bytes, event_queue_since_us(&events, wall_us))) {
        (void)error_set(error, ERROR_MALFORMED, "delivery tag %llu came with %zu unacked",
                        (unsigned long long)tag, ack_owed(&d->ack));
        event_queue_clear(&events);
        return false;
    }
    prefetch_note(&d->limit, bytes);
    for (const struct event *event = events.head; event != NULL; event = event->next) {
        latency_delivered(event, wall_us);
        deliver_counts_delivered(event);
    }
    event_queue_append(&d->arrived, &events);
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
                            d->consumers.shards == 1 ? TOPOLOGY_INGEST : "one of its queues");
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
    return d->begun || (d->state == DELIVER_IDLE && want) ||
           (d->state == DELIVER_SATED && prefetch_may_go_on(&d->limit, &d->ack)) ||
           (d->state == DELIVER_RENEWING && ack_owed(&d->ack) == 0);
}

struct event *deliver_take(struct deliver *d)
{
    return event_queue_pop(&d->arrived);
}

bool deliver_is_away(const struct deliver *d)
{
    return d->state == DELIVER_AWAY && !d->replacing;
}

uint64_t deliver_channel(const struct deliver *d)
{
    return d->state == DELIVER_AWAY ? 0 : d->channel;
}

void deliver_answered(struct deliver *d, uint64_t channel)
{
    d->answered = d->answered || channel == deliver_channel(d);
}

static void reject(struct deliver *d, uint64_t tag, int64_t now_us)
{
    struct error error;

    if (broker_reject(d->broker, tag, &error) != ERROR_NONE) {
        lose(d, &error, now_us);
    }
}

void deliver_settle(struct deliver *d, struct event *event, int64_t now_us)
{
    uint64_t tag = event->delivery->tag;

    if (event->channel == deliver_channel(d)) {
        d->answered = true;
        if (ack_settle(&d->ack, tag, event_bytes(event))) {
            reject(d, tag, now_us);
        }
    }
    event_free(event);
}

void deliver_give_back(struct deliver *d, struct event *event, int64_t now_us)
{
    uint64_t tag = event->delivery->tag;

    if (event->channel == deliver_channel(d)) {
        deliver_counts_given_back();
        if (ack_give_back(&d->ack, tag, event_bytes(event))) {
            reject(d, tag, now_us);
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

    /* Before the ack: a consumer that is tried alone has no credit then, so that nothing is on its way to it,
     * which the broker would take back and charge with a delivery. */
    if (d->state == DELIVER_CAREFUL && d->answered) {
        d->answered = consumers_have_tried(&d->consumers);
        consume(d, d->answered ? DELIVER_FULL : DELIVER_CAREFUL, now_us);
    }
    owed = ack_events(&d->ack);
    if (d->state != DELIVER_AWAY && !ack_flush(&d->ack, send_ack, &flush)) {
        lose(d, &flush.error, now_us);
    } else {
        deliver_counts_acked(owed - ack_events(&d->ack));
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

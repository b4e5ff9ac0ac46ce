/* SPDX-License-Identifier: MIT */
#include "retry.h"

#include "clock.h"
#include "lifetime.h"
#include "log.h"
#include "properties.h"
#include "retry_counts.h"
#include "retry_link.h"
#include "topology.h"

#include <assert.h>
#include <stdlib.h>

/* Limits for unconfirmed messages. RabbitMQ announces an alarm only after a publish, and with some 4 MB
 * unsent the publish call itself would block. The bodies stay far below that, except for one large body. */
#define OUTSTANDING_MAX 256
#define OUTSTANDING_BYTES (1 << 20)
#define HOPELESS_US (30 * CLOCK_US_PER_S) /* without a confirm: give up the connection */
#define OPENING_SLOW_US CLOCK_US_PER_S    /* an attempt that takes longer counts as no connection */
#define BACKOFF_BASE_US (200 * CLOCK_US_PER_MS)
#define BACKOFF_CAP_US (5 * CLOCK_US_PER_S)

/* Called for each event with the broker's answer, or with CONFIRM_LOST when there will be none. */
static void on_settled(void *context, void *ticket, enum confirm_outcome outcome)
{
    struct retry *r = context;
    struct event *event = ticket;

    r->outstanding_bytes -= event->delivery->body.len;
    retry_counts_settled(event, outcome);
    switch (outcome) {
    case CONFIRM_STORED:
        event->state = EVENT_RETRIED;
        event_queue_push(&r->settled, event);
        return;
    case CONFIRM_RETURNED:
        r->returned++;
        break;
    case CONFIRM_REFUSED:
        r->refused++;
        break;
    case CONFIRM_LOST:
        break;
    }
    if (event->channel == r->channel) {
        event_queue_push(&r->waiting, event);
    } else {
        event_free(event);
    }
}

void retry_init(struct retry *r, const struct worker_settings *settings, const char *connection_name)
{
    *r = (struct retry){
        .settings = settings,
        .connection_name = connection_name,
        .backoff = {.base_us = BACKOFF_BASE_US, .cap_us = BACKOFF_CAP_US},
    };
    confirm_init(&r->confirms, OUTSTANDING_MAX, on_settled, r);
    retry_counts_name(&settings->delays);
}

static void add(struct retry *r, struct event *event, size_t tier, bool postponed)
{
    assert(tier < r->settings->delays.count);
    event->tier = tier;
    event->postponed = postponed;
    event_queue_push(&r->waiting, event);
}

void retry_add(struct retry *r, struct event *event)
{
    add(r, event, (size_t)event->envelope.attempt, false);
}

bool retry_postpone(struct retry *r, struct event *event, size_t tier)
{
    buf_clear(&r->properties);
    if (properties_strip(event->delivery->properties, &r->properties, NULL) != ERROR_NONE) {
        return false;
    }
    add(r, event, tier, true);
    return true;
}

bool retry_is_well(const struct retry *r)
{
    return r->trouble == RETRY_WELL;
}

bool retry_is_idle(const struct retry *r)
{
    return r->blocked ||
           (r->confirms.outstanding == 0 && (r->waiting.head == NULL || r->trouble != RETRY_WELL));
}

size_t retry_held(const struct retry *r)
{
    return r->waiting.count + r->confirms.outstanding + r->settled.count;
}

void retry_take_older(struct retry *r, int64_t before_us, struct event_queue *into)
{
    event_queue_take_older(&r->waiting, before_us, into);
}

void retry_take_isolated(struct retry *r, struct event_queue *into)
{
    event_queue_take_isolated(&r->waiting, into);
}

/* --- trouble ------------------------------------------------------------------------ */

static void back_off(struct retry *r, enum retry_trouble trouble, const struct error *error, int64_t now_us)
{
    int64_t wait_us = backoff_next(&r->backoff, backoff_random());

    r->next_attempt_us = now_us + wait_us;
    r->trouble = trouble;
    log_write(trouble == RETRY_UNDECLARED ? LOG_ERROR : LOG_WARNING, "not-retried",
              LOG_FIELDS(log_text("reason", error->text), log_number("retry_ms", wait_us / CLOCK_US_PER_MS)));
}

static void lose(struct retry *r, enum retry_trouble trouble, const struct error *error, int64_t now_us)
{
    broker_close(r->broker, false);
    r->broker = NULL;
    r->blocked = false;
    confirm_lose(&r->confirms);
    if (r->waiting.head == NULL) {
        r->trouble = RETRY_WELL; /* nothing waits for a connection */
    } else {
        back_off(r, trouble, error, now_us);
    }
}

/* Publishing to a missing exchange closes the channel with 404 (ERROR_NOT_FOUND). */
static void lose_by(struct retry *r, const struct error *error, int64_t now_us)
{
    lose(r, error->code == ERROR_NOT_FOUND ? RETRY_UNDECLARED : RETRY_AWAY, error, now_us);
}

/* --- the connection ------------------------------------------------------------------- */

/* Begins to connect, or ends it when that is done. */
static void connect(struct retry *r, int64_t now_us)
{
    struct error error;
    enum error_code code = ERROR_NONE;

    if (r->opening == NULL) {
        r->opening_since_us = now_us;
        code = retry_link_begin(&r->opening, r->settings, r->connection_name, &error);
    } else if (opening_is_done(r->opening)) {
        code = opening_end(r->opening, &r->broker, &error);
        r->opening = NULL;
        r->unblocked_at_us = now_us;
        r->renew_at_us = lifetime_end_us(r->settings->broker_max_age_us, backoff_random(), now_us);
    } else if (r->trouble == RETRY_WELL && now_us - r->opening_since_us >= OPENING_SLOW_US) {
        r->trouble = RETRY_AWAY; /* nobody should count on it, a drain least of all */
    }
    if (code != ERROR_NONE) {
        retry_counts_away();
        lose_by(r, &error, now_us);
    }
}

/* Returns false when the broker violated the protocol. */
static bool read_confirm(struct retry *r, const struct broker_event *event)
{
    if (event->kind == BROKER_RETURNED) {
        return confirm_returned(&r->confirms, event->correlation);
    }
    return confirm_settle(&r->confirms, event->tag, event->multiple, event->kind == BROKER_ACK);
}

/* Updates the trouble and the backoff from the confirms of this turn. */
static void judge_confirms(struct retry *r, int64_t now_us)
{
    struct error error;

    if (r->blocked || now_us < r->next_attempt_us) {
        return; /* already waiting */
    }
    if (r->returned > 0) {
        (void)error_set(
            &error, ERROR_NOT_FOUND,
            "%zu retries were returned: a retry queue is missing or not bound; run `sluice setup`",
            r->returned);
        back_off(r, RETRY_UNDECLARED, &error, now_us);
    } else if (r->refused > 0) {
        (void)error_set(&error, ERROR_REFUSED, "%zu retries were refused: a retry queue is full", r->refused);
        back_off(r, RETRY_REFUSED, &error, now_us);
    } else if (r->settled.head != NULL) {
        backoff_reset(&r->backoff);
        r->trouble = RETRY_WELL;
    }
}

/* Returns false when the connection was closed. */
static bool read_events(struct retry *r, int64_t now_us)
{
    struct broker_event event;
    struct error error;

    r->refused = r->returned = 0;
    for (;;) {
        broker_next(r->broker, &event, &error);
        switch (event.kind) {
        case BROKER_IDLE:
            judge_confirms(r, now_us);
            return true;
        case BROKER_ACK:
        case BROKER_NACK:
        case BROKER_RETURNED:
            if (!read_confirm(r, &event)) {
                (void)error_set(&error, ERROR_MALFORMED,
                                "the broker confirmed a message that was never published");
                lose(r, RETRY_AWAY, &error, now_us);
                return false;
            }
            break;
        case BROKER_BLOCKED:
            r->blocked = true;
            r->trouble = RETRY_BLOCKED;
            log_warning("retries-blocked", log_text("reason", "a resource alarm on the broker"));
            break;
        case BROKER_UNBLOCKED:
            r->blocked = false;
            r->unblocked_at_us = now_us;
            r->trouble = RETRY_WELL;
            break;
        case BROKER_CLOSED:
            lose_by(r, &error, now_us);
            return false;
        case BROKER_DELIVERY: /* there is no consumer */
        case BROKER_CANCELLED:
            free(event.delivery);
            break;
        }
    }
}

/* --- publishing ----------------------------------------------------------------------- */

/* Appends the properties to publish: a new envelope with the attempt incremented or, for a postponed event,
 * those it came with. Headers that brokers add, such as x-death, are left out: RabbitMQ 3.10 would take the
 * message for a dead-letter cycle and drop it. */
static enum error_code append_properties(struct retry *r, const struct event *event, struct error *error)
{
    struct envelope again = event->envelope;

    buf_clear(&r->properties);
    if (event->postponed) {
        return properties_strip(event->delivery->properties, &r->properties, error);
    }
    again.attempt++;
    return envelope_encode(&again, &r->properties, error);
}

static enum error_code publish(struct retry *r, struct event *event, int64_t now_us, struct error *error)
{
    char exchange[TOPOLOGY_NAME_MAX];
    enum error_code code = append_properties(r, event, error);
    uint64_t number;

    topology_retry(exchange, r->settings->delays.us[event->tier]);
    if (code != ERROR_NONE) {
        event_queue_push(&r->waiting, event);
        return code;
    }
    number = confirm_add(&r->confirms, event, now_us);
    if (number == 0) {
        event_queue_push(&r->waiting, event);
        return error_set(error, ERROR_MEMORY, "no memory for a retry");
    }
    r->outstanding_bytes += event->delivery->body.len;
    return broker_publish(r->broker, exchange, event->delivery->routing_key, buf_span(&r->properties),
                          event->delivery->body, number, error);
}

static bool may_publish(const struct retry *r, int64_t now_us)
{
    return r->waiting.head != NULL && !r->blocked && now_us >= r->next_attempt_us &&
           r->confirms.next - r->confirms.first < OUTSTANDING_MAX && r->outstanding_bytes < OUTSTANDING_BYTES;
}

/* Returns false when the connection was closed. */
static bool publish_waiting(struct retry *r, int64_t now_us)
{
    struct error error;

    while (may_publish(r, now_us)) {
        if (publish(r, event_queue_pop(&r->waiting), now_us, &error) != ERROR_NONE) {
            lose(r, RETRY_AWAY, &error, now_us);
            return false;
        }
    }
    return true;
}

static void give_up_when_hopeless(struct retry *r, int64_t now_us)
{
    int64_t oldest_us = confirm_oldest_us(&r->confirms);
    struct error error;

    if (!r->blocked && oldest_us != INT64_MAX &&
        now_us - (oldest_us > r->unblocked_at_us ? oldest_us : r->unblocked_at_us) >= HOPELESS_US) {
        (void)error_set(&error, ERROR_TIMEOUT, "no confirm of a retry for %d s",
                        (int)(HOPELESS_US / CLOCK_US_PER_S));
        lose(r, RETRY_AWAY, &error, now_us);
    }
}

/* Closes an old connection that nothing waits for; the next retry opens another. */
static void close_when_old(struct retry *r, int64_t now_us)
{
    if (r->broker != NULL && now_us >= r->renew_at_us && retry_held(r) == 0 && !r->blocked) {
        broker_close(r->broker, true);
        r->broker = NULL;
        confirm_lose(&r->confirms); /* there are none: its numbers start at 1 again */
    }
}

/* Drops the events of earlier channels: the broker redelivers them, and publishing them would duplicate them.
 */
static void forget_others(struct retry *r, uint64_t channel)
{
    struct event_queue kept = {0};
    struct event *event;

    if (channel == r->channel) {
        return;
    }
    r->channel = channel;
    while ((event = event_queue_pop(&r->waiting)) != NULL) {
        if (event->channel == channel) {
            event_queue_push(&kept, event);
        } else {
            event_free(event);
        }
    }
    r->waiting = kept;
    if (kept.head == NULL && !r->blocked) {
        r->trouble = RETRY_WELL;
    }
}

void retry_step(struct retry *r, uint64_t channel, int64_t now_us)
{
    forget_others(r, channel);
    if (r->opening != NULL ||
        (r->broker == NULL && r->waiting.head != NULL && now_us >= r->next_attempt_us)) {
        connect(r, now_us);
    }
    if (r->broker != NULL && read_events(r, now_us) && publish_waiting(r, now_us)) {
        give_up_when_hopeless(r, now_us);
    }
    close_when_old(r, now_us);
}

struct event *retry_take(struct retry *r)
{
    return event_queue_pop(&r->settled);
}

int retry_fd(const struct retry *r)
{
    return r->broker == NULL ? opening_fd(r->opening) : broker_fd(r->broker);
}

int64_t retry_due_us(const struct retry *r, int64_t now_us)
{
    if (r->waiting.head == NULL) {
        return INT64_MAX;
    }
    if (r->next_attempt_us > now_us) {
        return r->next_attempt_us;
    }
    /* Events may be added after retry_step, and nothing else would wake the worker for them. */
    return r->opening == NULL && may_publish(r, now_us) ? now_us : INT64_MAX;
}

void retry_end(struct retry *r)
{
    opening_leave(r->opening);
    broker_close(r->broker, r->trouble == RETRY_WELL);
    confirm_lose(&r->confirms);
    confirm_free(&r->confirms);
    event_queue_clear(&r->waiting);
    event_queue_clear(&r->settled);
    buf_free(&r->properties);
    *r = (struct retry){0};
}

/* SPDX-License-Identifier: MIT */
#include "publisher.h"

#include "broker.h"
#include "broker_link.h"
#include "clock.h"
#include "confirm.h"
#include "largest_body.h"
#include "log.h"
#include "message.h"
#include "message_counts.h"
#include "patience.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define OUTSTANDING_MAX 65536 /* bodies are freed once published, so these take a few MB */
#define IDLE_MS 2000          /* less than half of the heartbeat interval */
#define OUTSTANDING_MS 1      /* how long a new event may wait while older ones are unconfirmed */
#define BLOCKED_MS 100
#define BLOCKED_US (BLOCKED_MS * CLOCK_US_PER_MS) /* confirms from before the alarm have arrived by then */
#define BURST_BYTES (256 * 1024)                  /* published between two checks for an alarm */
#define REFUSED_LOOK_MS 100

struct publisher {
    struct publisher_options options;
    pthread_t thread;
    struct gate gate;
    atomic_bool stopping;
    /* Used by the thread only: */
    struct broker_link link;
    struct confirm confirms;
    struct patience patience;
    struct largest_body largest_body;
    struct buf bundle_properties, bundle_body; /* of the bundle that is published next */
    int64_t unblocked_at_us;
    int64_t blocked_at_us; /* start of an alarm whose outstanding events are not yet answered; 0: none */
};

/* Asks for a call of gate_tell when its answer has changed. A prospect also changes by time alone, so
 * the last answer counts, not the prospect at the last call of this function. */
static void tell(struct publisher *p)
{
    if (gate_has_news(&p->gate)) {
        p->options.changed(p->options.context);
    }
}

static void set_gate(struct publisher *p, struct gate_state state)
{
    gate_set(&p->gate, state);
    tell(p);
}

/* --- confirms ------------------------------------------------------------------- */

static enum outcome outcome_of(struct publisher *p, int64_t published_us, enum confirm_outcome outcome)
{
    switch (outcome) {
    case CONFIRM_STORED:
        broker_link_works(&p->link);
        patience_stored(&p->patience, published_us, clock_monotonic_us());
        return OUTCOME_QUEUED;
    case CONFIRM_RETURNED: /* the broker would have stored it */
        patience_stored(&p->patience, published_us, clock_monotonic_us());
        return OUTCOME_UNROUTABLE;
    case CONFIRM_REFUSED:
        patience_refused(&p->patience, clock_monotonic_us());
        return OUTCOME_NACKED;
    case CONFIRM_LOST:
        break;
    }
    return OUTCOME_LOST;
}

static void on_settled(void *context, void *settled, enum confirm_outcome outcome)
{
    struct pending *first = settled;

    message_count_settled(first, outcome);
    message_finish(first, outcome_of(context, first->published_us, outcome));
}

static void on_blocked(struct publisher *p)
{
    log_warning("broker-blocked", log_number("outstanding", (int64_t)p->confirms.outstanding),
                log_text("message", "the broker has a memory or disk alarm: requests get 503"));
    p->blocked_at_us = clock_monotonic_us();
    set_gate(p, GATE_SHUT(OUTCOME_BLOCKED));
}

static void answer_blocked(void *first)
{
    message_complete(first, OUTCOME_BLOCKED);
}

/* Answers the outstanding events of an alarm after BLOCKED_US. By then the broker has confirmed what it read
 * before the alarm; it reads and confirms the rest only after the alarm ends. */
static void answer_outstanding(struct publisher *p)
{
    if (p->blocked_at_us != 0 && clock_monotonic_us() - p->blocked_at_us >= BLOCKED_US) {
        p->blocked_at_us = 0;
        confirm_each(&p->confirms, answer_blocked);
    }
}

static void on_unblocked(struct publisher *p)
{
    log_info("broker-unblocked", log_number("outstanding", (int64_t)p->confirms.outstanding));
    p->unblocked_at_us = clock_monotonic_us();
    p->blocked_at_us = 0;
    set_gate(p, GATE_OPEN);
}

/* Handles everything that has arrived. Returns false with *error set when the connection is lost. */
static bool read_events(struct publisher *p, struct error *error)
{
    struct broker_event event;

    for (;;) {
        broker_next(p->link.broker, &event, error);
        switch (event.kind) {
        case BROKER_IDLE:
            atomic_store(&p->gate.oldest_us, confirm_oldest_us(&p->confirms));
            return true;
        case BROKER_ACK:
        case BROKER_NACK:
            if (!confirm_settle(&p->confirms, event.tag, event.multiple, event.kind == BROKER_ACK)) {
                message_counts_stray(event.kind == BROKER_ACK ? "ack" : "nack", event.tag);
            }
            break;
        case BROKER_RETURNED:
            if (!confirm_returned(&p->confirms, event.correlation)) {
                message_counts_stray("return", event.correlation);
            }
            break;
        case BROKER_BLOCKED:
            on_blocked(p);
            break;
        case BROKER_UNBLOCKED:
            on_unblocked(p);
            break;
        case BROKER_CLOSED:
            return false;
        case BROKER_DELIVERY: /* cannot happen: a publisher has no consumer */
        case BROKER_CANCELLED:
            free(event.delivery);
            break;
        }
    }
}

/* --- publishing ----------------------------------------------------------------- */

/* Writes a message to the connection. False with *error set when the connection is lost. */
static bool write_message(struct publisher *p, const struct message *m, uint64_t number, struct error *error)
{
    struct pending *first = m->first;
    bool alone = m->events == 1;
    int64_t begun = clock_monotonic_us();
    enum error_code code =
        broker_publish(p->link.broker, first->exchange, span_of(first->source),
                       buf_span(alone ? &first->properties : &p->bundle_properties),
                       buf_span(alone ? &first->body.bytes : &p->bundle_body), number, error);

    patience_wrote(&p->patience, clock_monotonic_us() - begun);
    message_forget_content(first);
    return code == ERROR_NONE;
}

/* Returns false with *error set when the connection is lost; the message is then outstanding. */
static bool publish_message(struct publisher *p, const struct message *m, struct error *error)
{
    struct gate_state gate = gate_state(&p->gate);
    int64_t now = clock_monotonic_us();
    uint64_t number;

    if (!gate.open) {
        message_finish(m->first, gate.why);
        return true;
    }
    if (m->bytes > largest_body_limit(&p->largest_body)) {
        message_finish(m->first, OUTCOME_OVERSIZE);
        return true;
    }
    if (m->events > 1 && !message_encode(m, &p->bundle_properties, &p->bundle_body)) {
        message_finish(m->first, OUTCOME_MEMORY);
        return true;
    }
    number = confirm_add(&p->confirms, m->first, now);
    if (number == 0) {
        message_finish(m->first, OUTCOME_SLOW);
        return true;
    }
    message_note_published(m, now);
    if (p->confirms.outstanding == 1) {
        atomic_store(&p->gate.oldest_us, now);
    }
    return write_message(p, m, number, error);
}

static bool publish_waiting(struct publisher *p, struct error *error)
{
    struct pending *line = pending_take(&p->gate.waiting);
    size_t most = p->options.bundle_events, most_bytes = largest_body_limit(&p->largest_body), bytes = 0;
    bool fine = true, several = line != NULL && line->next != NULL;
    struct message m;

    if (several) {
        broker_gather(p->link.broker, true);
    }
    while ((m = message_take(&line, most, most_bytes)).events > 0) {
        if (!fine) {
            message_finish(m.first, OUTCOME_AWAY);
        } else {
            bytes += m.bytes;
            fine = publish_message(p, &m, error);
        }
        if (fine && bytes >= BURST_BYTES) {
            bytes = 0;
            fine = read_events(p, error);
        }
    }
    if (several) {
        broker_gather(p->link.broker, false);
    }
    return fine;
}

/* --- the connection --------------------------------------------------------------- */

/* The connection has ended: what is outstanding is lost, and numbers start at 1 again. */
static void forget_connection(struct publisher *p)
{
    confirm_lose(&p->confirms);
    atomic_store(&p->gate.oldest_us, INT64_MAX);
    patience_forget(&p->patience);
    atomic_store(&p->gate.refused, false);
}

/* Replaces an old connection between two messages. True while the last confirms are waited for. */
static bool is_renewing(struct publisher *p)
{
    bool open = gate_state(&p->gate).open;

    if (!open) { /* an alarm, and only this connection will hear of its end */
        broker_link_keep(&p->link);
    }
    if (!open || !broker_link_renew(&p->link)) {
        return false;
    }
    if (p->confirms.outstanding == 0) {
        broker_link_replace(&p->link);
        forget_connection(p);
    }
    return p->confirms.outstanding > 0;
}

static void lose_broker(struct publisher *p, const struct error *error)
{
    largest_body_learn(&p->largest_body, error);
    log_warning("broker-lost", log_text("reason", error->text),
                log_number("unconfirmed", (int64_t)p->confirms.outstanding));
    set_gate(p, GATE_SHUT(OUTCOME_AWAY));
    forget_connection(p);
    broker_link_lose(&p->link);
}

/* Whether to give up the connection. While the broker has an alarm, confirms can't come. */
static bool is_useless(struct publisher *p, struct error *error)
{
    int64_t oldest = confirm_oldest_us(&p->confirms), now = clock_monotonic_us();

    if (!gate_state(&p->gate).open) {
        return false;
    }
    if (patience_asks(&p->patience, broker_replied(p->link.broker), oldest, p->unblocked_at_us, now) &&
        broker_ask(p->link.broker, error) != ERROR_NONE) {
        return true;
    }
    return patience_ends(&p->patience, oldest, p->unblocked_at_us, now, error);
}

static void rest_connected(struct publisher *p)
{
    struct pollfd broker = {.fd = broker_fd(p->link.broker), .events = POLLIN};

    atomic_store(&p->gate.refused, patience_is_refused(&p->patience, clock_monotonic_us()));
    tell(p);
    if (p->confirms.outstanding == 0) {
        gate_sleep(&p->gate, broker.fd, p->patience.refused_since_us != 0 ? REFUSED_LOOK_MS : IDLE_MS);
        return;
    }
    /* Wait for confirms, not for new events: those are taken at the next wake-up, many at once. */
    answer_outstanding(p);
    (void)poll(&broker, 1, gate_state(&p->gate).open ? OUTSTANDING_MS : BLOCKED_MS);
}

static void connect(struct publisher *p)
{
    struct gate_state state;

    if (broker_link_step(&p->link, &state)) {
        set_gate(p, state);
    } else {
        gate_sleep(&p->gate, broker_link_fd(&p->link), broker_link_rest_ms(&p->link));
        gate_refuse_waiting(&p->gate);
    }
}

static void *run(void *argument)
{
    struct publisher *p = argument;
    struct error error;

    while (!atomic_load(&p->stopping)) {
        if (p->link.broker == NULL) {
            connect(p);
        } else if (read_events(p, &error) && (is_renewing(p) || publish_waiting(p, &error)) &&
                   !is_useless(p, &error)) {
            rest_connected(p);
        } else {
            lose_broker(p, &error);
        }
    }
    gate_set(&p->gate, GATE_SHUT(OUTCOME_AWAY));
    confirm_lose(&p->confirms);
    confirm_free(&p->confirms);
    buf_free(&p->bundle_properties);
    buf_free(&p->bundle_body);
    broker_link_close(&p->link);
    return NULL;
}

/* --- for other threads ------------------------------------------------------------- */

void publisher_register(void)
{
    message_counts_register();
    broker_link_register();
}

enum error_code publisher_start(struct publisher **publisher, const struct publisher_options *options,
                                struct error *error)
{
    struct publisher *p = calloc(1, sizeof *p);
    int failure;
    enum error_code code;

    *publisher = NULL;
    if (p == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for a publisher");
    }
    p->options = *options;
    code = gate_init(&p->gate, error);
    if (code != ERROR_NONE) {
        free(p);
        return code;
    }
    confirm_init(&p->confirms, OUTSTANDING_MAX, on_settled, p);
    patience_init(&p->patience, options->confirm_timeout_us);
    broker_link_init(&p->link, options->access, options->name, options->max_age_us, &options->delays);
    failure = pthread_create(&p->thread, NULL, run, p);
    if (failure != 0) {
        broker_link_close(&p->link);
        publisher_free(p);
        return error_set(error, ERROR_SYSTEM, "cannot start a publisher: %s", strerror(failure));
    }
    *publisher = p;
    return ERROR_NONE;
}

struct gate *publisher_gate(struct publisher *p)
{
    return &p->gate;
}

void publisher_require(struct publisher *p, const struct delays *delays)
{
    broker_link_require(&p->link, delays);
}

void publisher_stop(struct publisher *p)
{
    atomic_store(&p->stopping, true);
    gate_wake(&p->gate);
    (void)pthread_join(p->thread, NULL);
}

void publisher_free(struct publisher *p)
{
    if (p != NULL) {
        gate_free(&p->gate);
        free(p);
    }
}

/* SPDX-License-Identifier: MIT */
#include "publisher.h"

#include "broker.h"
#include "broker_link.h"
#include "clock.h"
#include "confirm.h"
#include "log.h"
#include "metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SLOW_US CLOCK_US_PER_S /* a confirm takes milliseconds */
#define OUTSTANDING_MAX 65536  /* events without their bodies: a few MB */
#define IDLE_MS 2000           /* less than half of a heartbeat */
#define OUTSTANDING_MS 1       /* how long a new event may wait for an older one's confirm */
#define BLOCKED_MS 100
#define BLOCKED_US (BLOCKED_MS * CLOCK_US_PER_MS) /* confirms from before an alarm have come by then */
#define BURST_BYTES (256 * 1024)                  /* published between two looks for an alarm */
#define HOPELESS_US (30 * CLOCK_US_PER_S)

struct publisher {
    struct publisher_options options;
    pthread_t thread;
    struct pending_line waiting;
    int wake_fd;
    atomic_bool stopping;
    atomic_bool asleep;        /* in poll with nothing outstanding: a new event must wake it */
    atomic_int gate;           /* see publisher_gate */
    _Atomic int64_t oldest_us; /* of the outstanding messages; INT64_MAX: none */
    /* The thread's own: */
    struct broker_link link;
    struct confirm confirms;
    int64_t unblocked_at_us;
    int64_t blocked_at_us; /* 0: nobody waits for a confirm that may not come before the alarm's end */
};

enum { PUBLISHED, STORED, RETURNED, NACKED, LOST, STRAY, OUTSTANDING, METRICS };
#define MESSAGES "sluice_gateway_messages_total"
#define MESSAGES_HELP "Messages given to the broker, by what became of them."
static struct metric metrics[METRICS] = {
    [PUBLISHED] = {MESSAGES, "outcome=\"published\"", MESSAGES_HELP, METRIC_COUNTER, 0},
    [STORED] = {MESSAGES, "outcome=\"stored\"", MESSAGES_HELP, METRIC_COUNTER, 0},
    [RETURNED] = {MESSAGES, "outcome=\"returned\"", MESSAGES_HELP, METRIC_COUNTER, 0},
    [NACKED] = {MESSAGES, "outcome=\"nacked\"", MESSAGES_HELP, METRIC_COUNTER, 0},
    [LOST] = {MESSAGES, "outcome=\"lost\"", MESSAGES_HELP, METRIC_COUNTER, 0},
    [STRAY] = {"sluice_gateway_stray_confirms_total", NULL, "Confirms and returns of no outstanding message.",
               METRIC_COUNTER, 0},
    [OUTSTANDING] = {"sluice_gateway_outstanding", NULL, "Messages published and not yet confirmed.",
                     METRIC_GAUGE, 0},
};

/* First the gate, then the line is emptied: a submitter that pushes and then
 * looks at the gate either finds it shut or is found in the line. */
static void set_gate(struct publisher *p, enum pending_outcome gate)
{
    atomic_store(&p->gate, (int)gate);
    p->options.changed(p->options.context);
}

static void finish(struct pending *e, enum pending_outcome outcome)
{
    pending_complete(e, outcome);
    pending_release(e);
}

static void refuse_waiting(struct publisher *p, enum pending_outcome outcome)
{
    struct pending *e = pending_take(&p->waiting);

    while (e != NULL) {
        struct pending *next = e->next;

        finish(e, outcome);
        e = next;
    }
}

/* --- confirms ------------------------------------------------------------------- */

static void on_settled(void *context, void *settled, enum confirm_outcome outcome)
{
    struct publisher *p = context;

    metric_add(&metrics[OUTSTANDING], -1);
    switch (outcome) {
    case CONFIRM_STORED:
        metric_add(&metrics[STORED], 1);
        broker_link_works(&p->link);
        finish(settled, TICKET_STORED);
        break;
    case CONFIRM_RETURNED:
        metric_add(&metrics[RETURNED], 1);
        finish(settled, TICKET_RETURNED);
        break;
    case CONFIRM_REFUSED:
        metric_add(&metrics[NACKED], 1);
        finish(settled, TICKET_NACKED);
        break;
    case CONFIRM_LOST:
        metric_add(&metrics[LOST], 1);
        finish(settled, TICKET_LOST);
        break;
    }
}

static void on_stray(const char *what, uint64_t number)
{
    metric_add(&metrics[STRAY], 1);
    log_error("stray-confirm", log_text("kind", what), log_number("number", (int64_t)number));
}

static void on_blocked(struct publisher *p)
{
    log_warning("broker-blocked", log_number("outstanding", (int64_t)p->confirms.outstanding),
                log_text("message", "the broker has an alarm (memory or disk): events get 503"));
    p->blocked_at_us = clock_monotonic_us();
    set_gate(p, TICKET_BLOCKED);
    refuse_waiting(p, TICKET_BLOCKED);
}

static void answer_blocked(void *event)
{
    pending_complete(event, TICKET_BLOCKED);
}

/* What the broker read before the alarm is confirmed in a moment; the rest lies unread until the alarm is
 * over, and is confirmed then. Its waiters need not wait for that. */
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
    set_gate(p, TICKET_PENDING);
}

/* Takes everything that has come. False: the connection is lost, *error says why. */
static bool read_events(struct publisher *p, struct error *error)
{
    struct broker_event event;

    for (;;) {
        broker_next(p->link.broker, &event, error);
        switch (event.kind) {
        case BROKER_IDLE:
            atomic_store(&p->oldest_us, confirm_oldest_us(&p->confirms));
            return true;
        case BROKER_ACK:
        case BROKER_NACK:
            if (!confirm_settle(&p->confirms, event.tag, event.multiple, event.kind == BROKER_ACK)) {
                on_stray(event.kind == BROKER_ACK ? "ack" : "nack", event.tag);
            }
            break;
        case BROKER_RETURNED:
            if (!confirm_returned(&p->confirms, event.correlation)) {
                on_stray("return", event.correlation);
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
        case BROKER_DELIVERY: /* a publisher consumes nothing */
        case BROKER_CANCELLED:
            free(event.delivery);
            break;
        }
    }
}

/* --- publishing ----------------------------------------------------------------- */

/* False: the connection is lost; the event is then among the outstanding ones. */
static bool publish_one(struct publisher *p, struct pending *e, struct error *error)
{
    enum pending_outcome gate = publisher_gate(p);
    int64_t now = clock_monotonic_us();
    enum error_code code;
    uint64_t number;

    if (gate != TICKET_PENDING || !pending_is_unanswered(e)) {
        finish(e, gate); /* or only let go: its waiter has left */
        return true;
    }
    number = confirm_add(&p->confirms, e, now);
    if (number == 0) {
        finish(e, TICKET_SLOW);
        return true;
    }
    metric_add(&metrics[OUTSTANDING], 1);
    metric_add(&metrics[PUBLISHED], 1);
    if (p->confirms.outstanding == 1) {
        atomic_store(&p->oldest_us, now);
    }
    code = broker_publish(p->link.broker, e->exchange, span_of(e->source), buf_span(&e->properties),
                          buf_span(&e->body), number, error);
    buf_free(&e->properties);
    buf_free(&e->body);
    return code == ERROR_NONE;
}

static bool publish_waiting(struct publisher *p, struct error *error)
{
    struct pending *e = pending_take(&p->waiting);
    size_t bytes = 0;
    bool fine = true, several = e != NULL && e->next != NULL;

    if (several) {
        broker_gather(p->link.broker, true);
    }
    while (e != NULL) {
        struct pending *next = e->next;

        if (!fine) {
            finish(e, TICKET_AWAY);
        } else {
            bytes += e->body.len + e->properties.len;
            fine = publish_one(p, e, error);
        }
        if (fine && bytes >= BURST_BYTES) {
            bytes = 0;
            fine = read_events(p, error);
        }
        e = next;
    }
    if (several) {
        broker_gather(p->link.broker, false);
    }
    return fine;
}

/* --- the connection --------------------------------------------------------------- */

static void connect_broker(struct publisher *p)
{
    switch (broker_link_open(&p->link)) {
    case BROKER_LINK_OPEN:
        set_gate(p, TICKET_PENDING);
        break;
    case BROKER_LINK_AWAY:
        set_gate(p, TICKET_AWAY);
        break;
    case BROKER_LINK_UNDECLARED:
        set_gate(p, TICKET_UNDECLARED);
        break;
    }
}

static void lose_broker(struct publisher *p, const struct error *error)
{
    log_warning("broker-lost", log_text("reason", error->text),
                log_number("unconfirmed", (int64_t)p->confirms.outstanding));
    set_gate(p, TICKET_AWAY);
    refuse_waiting(p, TICKET_AWAY);
    confirm_lose(&p->confirms);
    atomic_store(&p->oldest_us, INT64_MAX);
    broker_link_lose(&p->link);
}

/* A broker that doesn't confirm for so long won't: only a new connection tells. */
static bool is_hopeless(const struct publisher *p, struct error *error)
{
    int64_t oldest = confirm_oldest_us(&p->confirms);
    int64_t since = oldest > p->unblocked_at_us ? oldest : p->unblocked_at_us;

    if (oldest == INT64_MAX || publisher_gate(p) == TICKET_BLOCKED ||
        clock_monotonic_us() - since < HOPELESS_US) {
        return false;
    }
    (void)error_set(error, ERROR_TIMEOUT, "no confirm of a message for %d s",
                    (int)(HOPELESS_US / CLOCK_US_PER_S));
    return true;
}

/* --- the thread --------------------------------------------------------------------- */

static void rest_connected(struct publisher *p)
{
    struct pollfd fds[] = {{.fd = broker_fd(p->link.broker), .events = POLLIN},
                           {.fd = p->wake_fd, .events = POLLIN}};
    uint64_t count;

    if (p->confirms.outstanding > 0) {
        /* The next confirm wakes it, not the next event: one wake-up for many of them. */
        bool open = publisher_gate(p) == TICKET_PENDING;

        answer_outstanding(p);
        (void)poll(fds, 1, open ? OUTSTANDING_MS : BLOCKED_MS);
        return;
    }
    atomic_store(&p->asleep, true);
    if (pending_line_is_empty(&p->waiting) && !atomic_load(&p->stopping)) {
        (void)poll(fds, 2, IDLE_MS);
    }
    atomic_store(&p->asleep, false);
    if (fds[1].revents != 0) {
        (void)!read(p->wake_fd, &count, sizeof count);
    }
}

static void rest_away(struct publisher *p)
{
    struct pollfd fd = {.fd = p->wake_fd, .events = POLLIN};
    int64_t left_ms = (p->link.retry_at_us - clock_monotonic_us()) / CLOCK_US_PER_MS + 1;

    (void)poll(&fd, 1, left_ms > 0 ? (int)left_ms : 0);
    refuse_waiting(p, publisher_gate(p));
}

static void *run(void *argument)
{
    struct publisher *p = argument;
    struct error error;

    while (!atomic_load(&p->stopping)) {
        if (p->link.broker == NULL) {
            if (clock_monotonic_us() >= p->link.retry_at_us) {
                connect_broker(p);
            } else {
                rest_away(p);
            }
        } else if (read_events(p, &error) && publish_waiting(p, &error) && !is_hopeless(p, &error)) {
            rest_connected(p);
        } else {
            lose_broker(p, &error);
        }
    }
    atomic_store(&p->gate, TICKET_AWAY);
    refuse_waiting(p, TICKET_AWAY);
    confirm_lose(&p->confirms);
    confirm_free(&p->confirms);
    broker_link_close(&p->link);
    return NULL;
}

/* --- for other threads ------------------------------------------------------------- */

void publisher_register(void)
{
    metrics_register(metrics, METRICS);
    broker_link_register();
}

enum error_code publisher_start(struct publisher **publisher, const struct publisher_options *options,
                                struct error *error)
{
    struct publisher *p = malloc(sizeof *p);
    int failure;

    *publisher = NULL;
    if (p == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for a publisher");
    }
    *p = (struct publisher){
        .options = *options,
        .wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
        .gate = TICKET_AWAY,
        .oldest_us = INT64_MAX,
    };
    if (p->wake_fd < 0) {
        free(p);
        return error_set(error, ERROR_SYSTEM, "eventfd: %s", strerror(errno));
    }
    confirm_init(&p->confirms, OUTSTANDING_MAX, on_settled, p);
    broker_link_init(&p->link, options->access, options->name, &options->delays);
    failure = pthread_create(&p->thread, NULL, run, p);
    if (failure != 0) {
        broker_link_close(&p->link);
        publisher_free(p);
        return error_set(error, ERROR_SYSTEM, "cannot start a publisher: %s", strerror(failure));
    }
    *publisher = p;
    return ERROR_NONE;
}

enum pending_outcome publisher_gate(const struct publisher *p)
{
    return (enum pending_outcome)atomic_load(&p->gate);
}

void publisher_require(struct publisher *p, const struct delays *delays)
{
    broker_link_require(&p->link, delays);
}

enum pending_outcome publisher_look(const struct publisher *p)
{
    enum pending_outcome gate = publisher_gate(p);
    int64_t oldest = atomic_load(&p->oldest_us);

    if (gate == TICKET_PENDING && oldest != INT64_MAX && clock_monotonic_us() - oldest > SLOW_US) {
        return TICKET_SLOW;
    }
    return gate;
}

static void wake(struct publisher *p)
{
    const uint64_t one = 1;

    (void)!write(p->wake_fd, &one, sizeof one);
}

void publisher_submit(struct publisher *p, struct pending *e)
{
    enum pending_outcome gate;

    pending_push(&p->waiting, e);
    gate = publisher_gate(p);
    if (gate != TICKET_PENDING) {
        pending_complete(e, gate); /* it may have emptied its line just before the push */
    }
    if (atomic_exchange(&p->asleep, false)) {
        wake(p);
    }
}

void publisher_stop(struct publisher *p)
{
    atomic_store(&p->stopping, true);
    wake(p);
    (void)pthread_join(p->thread, NULL);
}

void publisher_free(struct publisher *p)
{
    if (p != NULL) {
        (void)close(p->wake_fd);
        free(p);
    }
}

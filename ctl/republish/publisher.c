/* SPDX-License-Identifier: MIT */
#include "publisher.h"

#include "clock.h"

#include <poll.h>

#define HEARTBEAT_S 20
#define PATIENCE_US (30 * CLOCK_US_PER_S) /* how long the broker may make no progress */
#define TURN_US (2 * CLOCK_US_PER_S)      /* maximum time between two heartbeat checks */

static void on_done(void *context, void *ticket, enum confirm_outcome outcome)
{
    struct publisher *s = context;

    (void)ticket;
    switch (outcome) {
    case CONFIRM_REFUSED:
        s->refused++;
        break;
    case CONFIRM_RETURNED:
        s->returned++;
        break;
    case CONFIRM_STORED:
    case CONFIRM_LOST:
        break;
    }
}

static enum error_code inspect(struct publisher *s, const char *queue, int64_t *ready, struct error *error)
{
    uint32_t count = 0, consumers;
    enum error_code code = broker_inspect(s->broker, queue, &count, &consumers, error);

    *ready += count;
    return code;
}

/* The queue of the tier has the exchange's name. */
const char *publisher_target(const struct publisher *s)
{
    return s->queue == NULL ? s->exchange : s->queue;
}

enum error_code publisher_ready(struct publisher *s, int64_t *ready, struct error *error)
{
    enum error_code code;

    *ready = 0;
    code = inspect(s, publisher_target(s), ready, error);
    for (size_t i = 0; code == ERROR_NONE && s->queue == NULL && i < s->shards; i++) {
        char queue[TOPOLOGY_NAME_MAX];

        topology_ingest(queue, i);
        code = inspect(s, queue, ready, error);
    }
    return code;
}

enum error_code publisher_open(struct publisher *s, const struct publisher_options *options,
                               struct error *error)
{
    const struct broker_options broker = {.access = options->access,
                                          .connection_name = options->connection_name,
                                          .heartbeat_s = HEARTBEAT_S,
                                          .confirms = true};
    int64_t ready = 0;
    enum error_code code;

    *s =
        (struct publisher){.rate = options->rate, .queue = options->queue, .shards = (size_t)options->shards};
    confirm_init(&s->confirm, PUBLISHER_OUTSTANDING_MAX, on_done, s);
    if (s->queue == NULL && options->delays->count == 0) {
        return error_set(error, ERROR_SETTING, "DELAYS is empty: a replay needs its first retry tier");
    }
    if (s->queue == NULL) {
        topology_retry(s->exchange, options->delays->us[0]);
    }
    code = broker_open(&s->broker, &broker, error);
    if (code == ERROR_NONE) {
        code = inspect(s, publisher_target(s), &ready, error);
    }
    if (code == ERROR_NOT_FOUND) {
        return error_set(error, code, "the broker has no queue %s%s", publisher_target(s),
                         s->queue == NULL ? "; has `sluice setup` been run with these DELAYS?" : "");
    }
    return code;
}

/* Reads all answers that have arrived. */
static enum error_code read_answers(struct publisher *s, struct error *error)
{
    struct broker_event event;

    for (;;) {
        bool expected = true;

        broker_next(s->broker, &event, error);
        switch (event.kind) {
        case BROKER_IDLE:
            return ERROR_NONE;
        case BROKER_ACK:
        case BROKER_NACK:
            expected = confirm_settle(&s->confirm, event.tag, event.multiple, event.kind == BROKER_ACK);
            break;
        case BROKER_RETURNED:
            expected = confirm_returned(&s->confirm, event.correlation);
            break;
        case BROKER_BLOCKED:
            s->blocked = true;
            break;
        case BROKER_UNBLOCKED:
            s->blocked = false;
            break;
        case BROKER_CLOSED:
            return error->code;
        case BROKER_DELIVERY:
        case BROKER_CANCELLED: /* there is no consumer */
            expected = false;
            break;
        }
        if (!expected) {
            return error_set(error, ERROR_BUG, "the broker confirmed a message that isn't outstanding");
        }
    }
}

enum error_code publisher_wait(struct publisher *s, int64_t until_us, struct error *error)
{
    struct pollfd fd = {.fd = broker_fd(s->broker), .events = POLLIN};
    int64_t left = until_us - clock_monotonic_us();

    left = left > TURN_US ? TURN_US : left;
    if (left > 0) {
        (void)poll(&fd, 1, (int)((left + CLOCK_US_PER_MS - 1) / CLOCK_US_PER_MS));
    }
    return read_answers(s, error);
}

enum error_code publisher_publish(struct publisher *s, const struct message *message, struct error *error)
{
    int64_t patience = clock_monotonic_us() + PATIENCE_US;
    enum error_code code = read_answers(s, error);

    while (code == ERROR_NONE && s->rate > 0 && clock_monotonic_us() < s->due_us) {
        code = publisher_wait(s, s->due_us, error);
    }
    while (code == ERROR_NONE && s->blocked) {
        if (clock_monotonic_us() >= patience) {
            return error_set(error, ERROR_TIMEOUT,
                             "the broker has had an alarm for 30 s and accepts no message");
        }
        code = publisher_wait(s, patience, error);
    }
    if (code != ERROR_NONE) {
        return code;
    }
    if (s->rate > 0) {
        int64_t now = clock_monotonic_us();

        s->due_us = (s->due_us < now - CLOCK_US_PER_S ? now : s->due_us) + CLOCK_US_PER_S / s->rate;
    }
    if (confirm_add(&s->confirm, s, clock_monotonic_us()) == 0) {
        return error_set(error, ERROR_MEMORY, "no memory for another confirm");
    }
    return broker_publish(s->broker, s->exchange, s->queue == NULL ? message->source : span_of(s->queue),
                          buf_span(&message->properties),
                          (struct span){(const char *)message->body, message->body_len}, s->confirm.next - 1,
                          error);
}

enum error_code publisher_finish(struct publisher *s, struct error *error)
{
    int64_t patience = clock_monotonic_us() + PATIENCE_US;
    size_t outstanding = s->confirm.outstanding;
    enum error_code code = ERROR_NONE;

    while (code == ERROR_NONE && s->confirm.outstanding > 0) {
        if (s->confirm.outstanding < outstanding) {
            outstanding = s->confirm.outstanding;
            patience = clock_monotonic_us() + PATIENCE_US;
        } else if (clock_monotonic_us() >= patience) {
            return error_set(error, ERROR_TIMEOUT,
                             "the broker has confirmed nothing for 30 s; %zu are outstanding", outstanding);
        }
        code = publisher_wait(s, patience, error);
    }
    return code;
}

void publisher_close(struct publisher *s)
{
    broker_close(s->broker, s->confirm.outstanding == 0);
    confirm_lose(&s->confirm);
    confirm_free(&s->confirm);
    s->broker = NULL;
}

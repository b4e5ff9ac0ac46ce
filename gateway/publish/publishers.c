/* SPDX-License-Identifier: MIT */
#include "publishers.h"

#include "clock.h"
#include "publisher.h"

#include <pthread.h>
#include <stdlib.h>

struct publish {
    struct publish_options options;
    atomic_uint turn;      /* which publisher is next */
    pthread_mutex_t mutex; /* one report after the other, and none before all are started */
    bool draining;         /* under the mutex */
    int started;
    struct publisher *publishers[PUBLISHERS_MAX];
};

/* Ready when any of them is. */
static void report(void *context)
{
    struct publish *o = context;
    enum ticket_outcome gate = TICKET_AWAY;

    (void)pthread_mutex_lock(&o->mutex);
    for (int i = 0; i < o->started && gate != TICKET_PENDING; i++) {
        gate = publisher_gate(o->publishers[i]);
    }
    if (o->draining) {
        admin_set_ready(o->options.admin, false, "draining");
    } else if (gate == TICKET_PENDING) {
        admin_set_ready(o->options.admin, true, "ready");
    } else {
        admin_set_ready(o->options.admin, false,
                        gate == TICKET_BLOCKED ? "broker blocked"
                        : gate == TICKET_UNDECLARED
                            ? "delay not declared: name it in DELAYS, run sluice setup"
                            : "broker away");
    }
    (void)pthread_mutex_unlock(&o->mutex);
}

enum error_code publish_start(struct publish **publish, const struct publish_options *options,
                              struct error *error)
{
    struct publish *o = calloc(1, sizeof *o);
    const struct publisher_options each = {
        .access = options->access,
        .name = options->name,
        .delays = options->delays,
        .changed = report,
        .context = o,
    };
    enum error_code code = ERROR_NONE;

    *publish = NULL;
    if (o == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for the publishers");
    }
    publisher_register();
    o->options = *options;
    (void)pthread_mutex_init(&o->mutex, NULL);
    (void)pthread_mutex_lock(&o->mutex);
    while (code == ERROR_NONE && o->started < options->publishers) {
        code = publisher_start(&o->publishers[o->started], &each, error);
        o->started += code == ERROR_NONE;
    }
    (void)pthread_mutex_unlock(&o->mutex);
    if (code != ERROR_NONE) {
        publish_stop(o);
        return code;
    }
    report(o);
    *publish = o;
    return ERROR_NONE;
}

enum ticket_outcome publish_event(struct publish *o, const char *exchange, struct span source,
                                  struct buf *properties, struct buf *body)
{
    int64_t deadline = clock_monotonic_us() + o->options.confirm_timeout_us;
    unsigned count = (unsigned)o->started, turn = atomic_fetch_add(&o->turn, 1);
    enum ticket_outcome outcome = TICKET_AWAY;
    struct publisher *p = NULL;
    struct ticket *t = NULL;

    for (unsigned i = 0; i < count && outcome != TICKET_PENDING; i++) {
        p = o->publishers[(turn + i) % count];
        outcome = publisher_look(p);
    }
    if (outcome == TICKET_PENDING) {
        t = ticket_new(exchange, source, properties, body);
        outcome = t == NULL ? TICKET_MEMORY : outcome;
    }
    if (t == NULL) {
        buf_free(properties);
        buf_free(body);
        return outcome;
    }
    publisher_submit(p, t);
    outcome = ticket_wait(t, deadline);
    ticket_release(t);
    return outcome;
}

void publish_require(struct publish *o, const struct delays *delays)
{
    for (int i = 0; i < o->started; i++) {
        publisher_require(o->publishers[i], delays);
    }
}

void publish_drain(struct publish *o)
{
    (void)pthread_mutex_lock(&o->mutex);
    o->draining = true;
    (void)pthread_mutex_unlock(&o->mutex);
    report(o);
}

void publish_stop(struct publish *o)
{
    if (o == NULL) {
        return;
    }
    for (int i = 0; i < o->started; i++) {
        publisher_stop(o->publishers[i]);
    }
    for (int i = 0; i < o->started; i++) {
        publisher_free(o->publishers[i]);
    }
    (void)pthread_mutex_destroy(&o->mutex);
    free(o);
}

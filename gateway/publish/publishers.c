/* SPDX-License-Identifier: MIT */
#include "publishers.h"

#include "clock.h"
#include "publisher.h"

#include <pthread.h>
#include <stdlib.h>

struct publishers {
    struct publishers_options options;
    atomic_uint turn;      /* which publisher is next */
    pthread_mutex_t mutex; /* serialises reports, and delays them until all publishers have started */
    bool draining;         /* under the mutex */
    int started;
    struct publisher *publishers[PUBLISHERS_MAX];
};

/* Reports readiness: ready when any publisher is likely to get events stored. */
static void report(void *context)
{
    struct publishers *o = context;
    struct gate_state gate = GATE_SHUT(OUTCOME_AWAY);

    (void)pthread_mutex_lock(&o->mutex);
    for (int i = 0; i < o->started; i++) { /* all of them are to tell, also behind an open one */
        struct gate_state told = gate_tell(publisher_gate(o->publishers[i]));

        gate = gate.open ? gate : told;
    }
    if (o->draining) {
        admin_set_ready(o->options.admin, false, "draining");
    } else if (gate.open) {
        admin_set_ready(o->options.admin, true, "ready");
    } else {
        admin_set_ready(o->options.admin, false, reply_readiness(gate.why));
    }
    (void)pthread_mutex_unlock(&o->mutex);
}

enum error_code publishers_start(struct publishers **publishers, const struct publishers_options *options,
                                 struct error *error)
{
    struct publishers *o = calloc(1, sizeof *o);
    const struct publisher_options each = {
        .access = options->access,
        .name = options->name,
        .bundle_events = options->bundle_events,
        .confirm_timeout_us = options->confirm_timeout_us,
        .max_age_us = options->max_age_us,
        .delays = options->delays,
        .changed = report,
        .context = o,
    };
    enum error_code code = ERROR_NONE;

    *publishers = NULL;
    if (o == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for the publishers");
    }
    o->options = *options;
    (void)pthread_mutex_init(&o->mutex, NULL);
    (void)pthread_mutex_lock(&o->mutex);
    while (code == ERROR_NONE && o->started < options->publishers) {
        code = publisher_start(&o->publishers[o->started], &each, error);
        o->started += code == ERROR_NONE;
    }
    (void)pthread_mutex_unlock(&o->mutex);
    if (code != ERROR_NONE) {
        publishers_stop(o);
        return code;
    }
    report(o);
    *publishers = o;
    return ERROR_NONE;
}

/* The first publisher from this turn on that is likely to get events stored, or else one whose gate is open;
 * NULL, with *gate set, when there is none. */
static struct publisher *find_open(struct publishers *o, unsigned turn, struct gate_state *gate)
{
    unsigned count = (unsigned)o->started;
    struct publisher *open = NULL;

    *gate = GATE_SHUT(OUTCOME_AWAY);
    for (unsigned i = 0; i < count; i++) {
        struct publisher *p = o->publishers[(turn + i) % count];
        struct gate_state prospect = gate_prospect(publisher_gate(p));

        if (prospect.open) {
            *gate = prospect;
            return p;
        }
        if (gate_look(publisher_gate(p)).open) {
            open = p;
        } else {
            *gate = prospect;
        }
    }
    if (open != NULL) {
        *gate = GATE_OPEN;
    }
    return open;
}

struct gate_state publishers_look(struct publishers *o)
{
    struct gate_state gate;

    (void)find_open(o, 0, &gate);
    return gate;
}

enum outcome publishers_publish(struct publishers *o, const char *exchange, struct span source,
                                struct buf *properties, struct body *body)
{
    int64_t deadline = clock_monotonic_us() + o->options.confirm_timeout_us;
    struct gate_state gate;
    struct publisher *p = find_open(o, atomic_fetch_add(&o->turn, 1), &gate);
    struct pending *e = NULL;
    enum outcome outcome;

    if (p != NULL) {
        e = pending_new(exchange, source, properties, body);
    }
    if (e == NULL) {
        buf_free(properties);
        body_free(body);
        return p != NULL ? OUTCOME_MEMORY : gate.why;
    }
    gate_submit(publisher_gate(p), e);
    outcome = pending_wait(e, deadline);
    pending_release(e);
    return outcome;
}

void publishers_require(struct publishers *o, const struct delays *delays)
{
    for (int i = 0; i < o->started; i++) {
        publisher_require(o->publishers[i], delays);
    }
}

void publishers_drain(struct publishers *o)
{
    (void)pthread_mutex_lock(&o->mutex);
    o->draining = true;
    (void)pthread_mutex_unlock(&o->mutex);
    report(o);
}

void publishers_stop(struct publishers *o)
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

/* SPDX-License-Identifier: MIT */
#include "judge.h"

#include "clock.h"
#include "log.h"

void judge_init(struct judge *j)
{
    *j = (struct judge){
        /* The backlog should shrink within 5 s of the repair. */
        .pause = {.base_us = 200 * CLOCK_US_PER_MS, .cap_us = 4 * CLOCK_US_PER_S},
    };
    sources_init(&j->sources);
}

bool judge_holds_all(const struct judge *j)
{
    return brake_is_on(&j->sources.worker);
}

/* --- the brakes ---------------------------------------------------------------------- */

/* Returns a refused event of this source in the batch, for the log, or NULL. */
static const struct event *example(struct judge *j, const struct batch *batch, const struct source *source)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct event *event = batch->events[i];

        if (!event_settled(event) || event->state == EVENT_DEAD) {
            if (source == NULL || sources_find(&j->sources, event->envelope.source) == source) {
                return event;
            }
        }
    }
    return NULL;
}

static void log_brake(const char *which, struct span source, size_t refused, const struct event *event)
{
    log_error("brake-on", log_text("of", which), log_span("source", source),
              log_number("refused", (int64_t)refused), log_number("of_last", BRAKE_WINDOW),
              log_text("sqlstate", event == NULL ? "" : event->sqlstate),
              log_text("reason", event == NULL || event->reason == NULL ? "" : event->reason));
}

static void settle_brakes(struct judge *j, const struct batch *batch, int64_t now_us)
{
    struct source *source;

    j->put_on = false;
    while ((source = sources_settle(&j->sources, backoff_random(), now_us)) != NULL) {
        j->put_on = true;
        log_brake("source", span_of(source->name), source->brake.refused, example(j, batch, source));
    }
    if (sources_settle_worker(&j->sources, backoff_random(), now_us) == BRAKE_PUT_ON) {
        log_brake("worker", SPAN_LITERAL(""), j->sources.worker.refused, example(j, batch, NULL));
    }
}

static void count_for_brakes(struct judge *j, const struct batch *batch, struct event_queue *released,
                             int64_t now_us)
{
    bool held_all = judge_holds_all(j);

    for (size_t i = 0; i < batch->count; i++) {
        const struct event *event = batch->events[i];

        if (sources_count(&j->sources, event, backoff_random(), now_us) == BRAKE_RELEASED) {
            struct source *source = sources_find(&j->sources, event->envelope.source);

            sources_release(&j->sources, source, released);
            log_info("brake-off", log_text("of", "source"), log_span("source", event->envelope.source),
                     log_number("held", (int64_t)released->count));
        }
    }
    if (held_all && !judge_holds_all(j)) {
        log_info("brake-off", log_text("of", "worker"));
    }
    settle_brakes(j, batch, now_us);
}

/* --- the pause ------------------------------------------------------------------------ */

/* The events of a batch that failed, without those whose failure is known to be their own fault. */
struct failures {
    const struct event *first; /* the first, or the last with VERDICT_OPERATOR */
    size_t count;
};

static struct failures find_failures(const struct batch *batch)
{
    struct failures found = {.count = 0};

    for (size_t i = 0; i < batch->count; i++) {
        const struct event *event = batch->events[i];

        if (event_settled(event) ||
            (event->struck && (event->others_stored || event->verdict == VERDICT_LATER))) {
            continue;
        }
        found.count++;
        if (found.first == NULL || event->verdict == VERDICT_OPERATOR) {
            found.first = event;
        }
    }
    return found;
}

/* The logged reason quotes no row: events that failed through their own fault are not among the failures. */
static void note_failures(struct judge *j, const struct failures *failures, int64_t now_us)
{
    const struct event *event = failures->first;
    bool again = j->stored == j->stored_at_failure;
    int64_t wait_us = again ? backoff_next(&j->pause, backoff_random()) : 0;

    j->stored_at_failure = j->stored;
    j->resume_us = now_us + wait_us;
    j->failing_since_us = j->failing_since_us == 0 ? now_us : j->failing_since_us;
    j->needs_repair = event->verdict == VERDICT_OPERATOR;
    log_write(j->needs_repair ? LOG_ERROR : LOG_WARNING, "not-stored",
              LOG_FIELDS(log_text("verdict", verdict_name(event->verdict)),
                         log_text("sqlstate", event->sqlstate),
                         log_text("reason", event->reason == NULL ? "" : event->reason),
                         log_number("events", (int64_t)failures->count),
                         log_number("retry_ms", wait_us / CLOCK_US_PER_MS)));
}

static size_t stored_in(const struct batch *batch)
{
    size_t stored = 0;

    for (size_t i = 0; i < batch->count; i++) {
        stored += event_settled(batch->events[i]) && batch->events[i]->state != EVENT_DEAD;
    }
    return stored;
}

/* Events that other slots stored in the meantime are evidence, too. */
static void note_evidence(const struct judge *j, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct event *event = batch->events[i];

        event->others_stored = event->others_stored || (event->struck && j->stored > event->stored_before);
    }
}

/* A dead letter is a stored row, too. */
static bool any_dead(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->events[i]->state == EVENT_DEAD) {
            return true;
        }
    }
    return false;
}

bool judge_batch(struct judge *j, const struct batch *batch, struct event_queue *released, int64_t now_us)
{
    size_t stored = stored_in(batch);
    struct failures failures;
    bool recovered = (stored > 0 || any_dead(batch)) && j->failing_since_us != 0;

    j->stored += stored;
    note_evidence(j, batch);
    failures = find_failures(batch);
    count_for_brakes(j, batch, released, now_us);
    if (stored > 0 || any_dead(batch)) {
        backoff_reset(&j->pause);
        j->failing_since_us = 0;
        j->needs_repair = false;
    }
    if (stored > 0) {
        j->last_stored_us = now_us;
    } else if (failures.count > 0) {
        note_failures(j, &failures, now_us);
    }
    return recovered;
}

void judge_release(struct judge *j)
{
    j->failing_since_us = 0;
    j->needs_repair = false;
}

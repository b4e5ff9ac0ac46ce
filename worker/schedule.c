/* SPDX-License-Identifier: MIT */
#include "schedule.h"

#include "clock.h"
#include "metrics.h"

enum { BRAKED, METRICS };

static struct metric metrics[METRICS] = {
    [BRAKED] = {"sluice_worker_braked", NULL,
                "Sources most of whose events are refused, so that one at a time is tried.", METRIC_GAUGE, 0},
};

void schedule_register(void)
{
    metrics_register(metrics, METRICS);
}

enum error_code schedule_init(struct schedule *s, size_t most, struct error *error)
{
    *s = (struct schedule){.batch_next = false};
    judge_init(&s->judge);
    return backlog_init(&s->backlog, most, error);
}

bool schedule_would_hold(struct schedule *s, const struct event *event)
{
    return brake_is_on(&sources_find(&s->judge.sources, event->envelope.source)->brake);
}

bool schedule_add(struct schedule *s, struct event *event)
{
    if (sources_hold(&s->judge.sources, event)) {
        return true;
    }
    backlog_add(&s->backlog, event);
    return false;
}

/* --- what goes next ------------------------------------------------------------------ */

static bool batch_waits(const struct schedule *s)
{
    return s->backlog.ordinary.head != NULL;
}

/* Parked events have failed before, perhaps after a long wait, so they get at most half of the time while a
 * batch waits. Suspects and probes have no such limit: they are most likely good. Of these, the one that has
 * been due for longest comes first, so that neither kind holds up the other. */
static struct event *next_alone(struct schedule *s, int64_t now_us)
{
    struct sources *sources = &s->judge.sources;
    struct event *event;

    if (judge_holds_all(&s->judge)) {
        return sources_take_worker_probe(sources, &s->backlog.ordinary, now_us);
    }
    if (batch_waits(s) && s->batch_next) {
        return NULL;
    }
    event = sources_probe_due_us(sources) <= backlog_suspect_due_us(&s->backlog)
                ? sources_take_probe(sources, now_us)
                : backlog_take_suspect(&s->backlog, now_us);
    if (event == NULL && (!batch_waits(s) || now_us >= s->parked_resume_us)) {
        event = backlog_take_parked(&s->backlog, now_us);
    }
    return event;
}

enum schedule_turn schedule_next(struct schedule *s, bool carries_alone, struct event **alone, int64_t now_us)
{
    if (now_us < s->judge.resume_us) {
        return SCHEDULE_NOTHING;
    }
    *alone = carries_alone ? NULL : next_alone(s, now_us);
    if (*alone != NULL) {
        s->batch_next = true;
        return SCHEDULE_ALONE;
    }
    if (!schedule_wants_slot(s, now_us)) {
        return SCHEDULE_NOTHING;
    }
    s->batch_next = false;
    return SCHEDULE_BATCH;
}

bool schedule_wants_slot(const struct schedule *s, int64_t now_us)
{
    return batch_waits(s) && now_us >= s->judge.resume_us && !judge_holds_all(&s->judge);
}

int64_t schedule_due_us(const struct schedule *s, bool carries_alone, int64_t now_us)
{
    int64_t due_us = sources_probe_due_us(&s->judge.sources);
    int64_t parked_us = backlog_parked_due_us(&s->backlog);

    if (schedule_wants_slot(s, clock_later(now_us, s->judge.resume_us))) {
        return clock_later(now_us, s->judge.resume_us);
    }
    if (carries_alone) {
        return INT64_MAX;
    }
    if (!judge_holds_all(&s->judge)) {
        due_us = clock_earlier(due_us, clock_earlier(backlog_suspect_due_us(&s->backlog), parked_us));
    }
    return due_us == INT64_MAX ? due_us : clock_later(due_us, s->judge.resume_us);
}

/* --- what came back ------------------------------------------------------------------ */

static void add_all(struct schedule *s, struct event_queue *queue)
{
    struct event *event;

    while ((event = event_queue_pop(queue)) != NULL) {
        (void)schedule_add(s, event);
    }
}

void schedule_came_back(struct schedule *s, const struct batch *batch, bool alone, int64_t begun_us,
                        int64_t now_us)
{
    struct event_queue queue = {0};

    if (alone) {
        s->parked_resume_us = now_us + (now_us - begun_us);
    }
    if (judge_batch(&s->judge, batch, &queue, now_us)) {
        backlog_wake(&s->backlog, now_us);
    }
    add_all(s, &queue);
    if (s->judge.put_on) {
        /* Hold the waiting events of a source that was just braked, too. */
        backlog_take_ordinary(&s->backlog, &queue);
        add_all(s, &queue);
    }
}

enum schedule_fate schedule_fate(struct schedule *s, struct event *event, int64_t now_us)
{
    event->probe = false;
    if (event_settled(event)) {
        return SCHEDULE_SETTLED;
    }
    if (!event->struck) {
        (void)schedule_add(s, event);
        return SCHEDULE_KEPT;
    }
    if (event->verdict == VERDICT_LATER && !event->doomed) {
        return SCHEDULE_RETRY;
    }
    event->not_before_us = now_us + backoff_next(&event->backoff, backoff_random());
    backlog_park(&s->backlog, event);
    return SCHEDULE_KEPT;
}

void schedule_take_older(struct schedule *s, int64_t before_us, struct event_queue *into)
{
    backlog_take_older(&s->backlog, before_us, into);
    sources_take_older(&s->judge.sources, before_us, into);
}

void schedule_clear(struct schedule *s)
{
    backlog_clear(&s->backlog);
    sources_clear(&s->judge.sources);
}

void schedule_free(struct schedule *s)
{
    schedule_clear(s);
    backlog_free(&s->backlog);
}

void schedule_show(const struct schedule *s)
{
    metric_set(&metrics[BRAKED], (int64_t)sources_braked(&s->judge.sources));
}

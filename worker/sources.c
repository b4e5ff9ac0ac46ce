/* SPDX-License-Identifier: MIT */
#include "sources.h"

#include <string.h>

/* The worker's own brake needs this many braked sources: a single one has its own brake. */
#define SEVERAL 2

void sources_init(struct sources *s)
{
    *s = (struct sources){.count = 0};
    brake_init(&s->of[SOURCES_MOST].brake);
    brake_init(&s->worker);
}

static bool is_named(const struct source *source, struct span name)
{
    return span_equal(span_of(source->name), name);
}

/* Returns the least recently used entry whose brake is off (it holds no events), or NULL: all are braked. */
static struct source *find_spare(struct sources *s)
{
    struct source *spare = NULL;

    for (size_t i = 0; i < s->count; i++) {
        if (!brake_is_on(&s->of[i].brake) && (spare == NULL || s->of[i].used < spare->used)) {
            spare = &s->of[i];
        }
    }
    return spare;
}

static struct source *make(struct sources *s, struct span name)
{
    struct source *source = s->count < SOURCES_MOST ? &s->of[s->count++] : find_spare(s);

    if (source == NULL) {
        return &s->of[SOURCES_MOST];
    }
    *source = (struct source){.used = s->turn};
    memcpy(source->name, name.data, name.len);
    brake_init(&source->brake);
    return source;
}

struct source *sources_find(struct sources *s, struct span name)
{
    /* A message that no gateway published may have a longer routing key, or one with a NUL. */
    if (name.len == 0 || name.len > ENVELOPE_SOURCE_MAX || memchr(name.data, '\0', name.len) != NULL) {
        return &s->of[SOURCES_MOST];
    }
    s->turn++;
    for (size_t i = 0; i < s->count; i++) {
        if (is_named(&s->of[i], name)) {
            s->of[i].used = s->turn;
            return &s->of[i];
        }
    }
    return make(s, name);
}

bool sources_hold(struct sources *s, struct event *event)
{
    struct source *source = sources_find(s, event->envelope.source);

    if (!brake_is_on(&source->brake)) {
        return false;
    }
    event_queue_push(&source->held, event);
    s->held++;
    return true;
}

/* --- counting ------------------------------------------------------------------------ */

static void count_verdict(struct source *source, struct brake *worker, enum brake_verdict verdict)
{
    brake_count(&source->brake, verdict);
    brake_count(worker, verdict);
}

enum brake_news sources_count(struct sources *s, const struct event *event, uint32_t random, int64_t now_us)
{
    struct source *source = sources_find(s, event->envelope.source);
    bool stored = event_settled(event) && event->state != EVENT_DEAD;
    bool refused = event->state == EVENT_DEAD ||
                   (event->state == EVENT_FAILED && event->struck && event->verdict == VERDICT_LATER);
    enum brake_news news = BRAKE_SAME;

    if (event->probe) {
        (void)brake_settle_probe(&s->worker, stored, refused, random, now_us);
        /* A probe that failed by itself may have waited long for a lock: the next one waits, too. */
        news = brake_settle_probe(&source->brake, stored, refused || event->struck, random, now_us);
    }
    if (stored) {
        count_verdict(source, &s->worker, BRAKE_STORED);
    } else if (refused) {
        count_verdict(source, &s->worker, event->envelope.attempt > 0 ? BRAKE_REFUSED_AGAIN : BRAKE_REFUSED);
    }
    return news;
}

struct source *sources_settle(struct sources *s, uint32_t random, int64_t now_us)
{
    for (size_t i = 0; i <= SOURCES_MOST; i++) {
        if ((i < s->count || i == SOURCES_MOST) &&
            brake_settle(&s->of[i].brake, random, now_us) == BRAKE_PUT_ON) {
            return &s->of[i];
        }
    }
    return NULL;
}

size_t sources_braked(const struct sources *s)
{
    size_t braked = brake_is_on(&s->of[SOURCES_MOST].brake);

    for (size_t i = 0; i < s->count; i++) {
        braked += brake_is_on(&s->of[i].brake);
    }
    return braked;
}

enum brake_news sources_settle_worker(struct sources *s, uint32_t random, int64_t now_us)
{
    return sources_braked(s) < SEVERAL ? BRAKE_SAME : brake_settle(&s->worker, random, now_us);
}

/* --- taking -------------------------------------------------------------------------- */

static struct event *take_held(struct sources *s, struct source *source)
{
    struct event *event = event_queue_pop(&source->held);

    s->held -= event != NULL;
    return event;
}

static struct event *begin_probe(struct brake *brake, struct event *event)
{
    if (event != NULL) {
        event->probe = true;
        brake_begin_probe(brake);
    }
    return event;
}

/* Returns the source whose probe has been or will be due for longest, or NULL: none has events for one. */
static const struct source *next_to_probe(const struct sources *s)
{
    const struct source *next = NULL;

    for (size_t i = 0; s->held > 0 && i <= SOURCES_MOST; i++) {
        const struct source *source = &s->of[i];

        if (source->held.head != NULL && source->brake.state == BRAKE_ON &&
            (next == NULL || source->brake.next_probe_us < next->brake.next_probe_us)) {
            next = source;
        }
    }
    return next;
}

struct event *sources_take_probe(struct sources *s, int64_t now_us)
{
    const struct source *next = next_to_probe(s);
    struct source *source = next == NULL ? NULL : &s->of[next - s->of];

    if (source == NULL || !brake_probe_due(&source->brake, now_us)) {
        return NULL;
    }
    return begin_probe(&source->brake, take_held(s, source));
}

/* Returns the source that holds the most events, or NULL. */
static struct source *fullest(struct sources *s)
{
    struct source *most = NULL;

    for (size_t i = 0; s->held > 0 && i <= SOURCES_MOST; i++) {
        if (s->of[i].held.count > (most == NULL ? 0 : most->held.count)) {
            most = &s->of[i];
        }
    }
    return most;
}

struct event *sources_take_worker_probe(struct sources *s, struct event_queue *ordinary, int64_t now_us)
{
    struct event *event;
    struct source *source;

    if (!brake_probe_due(&s->worker, now_us)) {
        return NULL;
    }
    event = event_queue_pop(ordinary);
    source = event == NULL ? fullest(s) : NULL;
    return begin_probe(&s->worker, source == NULL ? event : take_held(s, source));
}

int64_t sources_probe_due_us(const struct sources *s)
{
    const struct source *next;

    if (s->worker.state == BRAKE_ON) {
        return s->worker.next_probe_us;
    }
    next = next_to_probe(s);
    return next == NULL ? INT64_MAX : next->brake.next_probe_us;
}

struct event *sources_take_surplus(struct sources *s, int64_t *since_us)
{
    struct source *source = fullest(s);

    if (source == NULL) {
        return NULL;
    }
    *since_us = source->brake.since_us;
    return take_held(s, source);
}

void sources_release(struct sources *s, struct source *source, struct event_queue *into)
{
    struct event *event;

    while ((event = take_held(s, source)) != NULL) {
        event_queue_push(into, event);
    }
}

void sources_take_older(struct sources *s, int64_t before_us, struct event_queue *into)
{
    for (size_t i = 0; i <= SOURCES_MOST; i++) {
        size_t count = s->of[i].held.count;

        event_queue_take_older(&s->of[i].held, before_us, into);
        s->held -= count - s->of[i].held.count;
    }
}

void sources_clear(struct sources *s)
{
    for (size_t i = 0; i <= SOURCES_MOST; i++) {
        event_queue_clear(&s->of[i].held);
    }
    s->held = 0;
}

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_SOURCES_H
#define SLUICE_WORKER_SOURCES_H

/* One brake for each source, and one for the whole worker. The worker's brake is put on when more than half
 * of the last 200 events were refused and at least two sources are braked: the cause is then not one source.
 * The events of braked sources wait here and do not delay others. The table is bounded: sources that find no
 * entry share one brake. Pure. */

#include "brake.h"
#include "event.h"

#define SOURCES_MOST 64

struct source {
    char name[ENVELOPE_SOURCE_MAX + 1]; /* "": the shared entry */
    struct brake brake;
    struct event_queue held; /* while the brake is on */
    uint64_t used;           /* turn of its last event: the least recently used entry is replaced */
};

struct sources {
    struct source of[SOURCES_MOST + 1]; /* the last entry is the shared one */
    size_t count;                       /* entries in use, without the shared one */
    struct brake worker;
    size_t held; /* held events of all sources */
    uint64_t turn;
};

void sources_init(struct sources *s);
/* Returns the entry of a source; adds a new source. Valid until the next call. */
struct source *sources_find(struct sources *s, struct span name);
/* Takes ownership of the event and returns true when its source is braked; else returns false. */
bool sources_hold(struct sources *s, struct event *event);
/* Counts the outcome of an event for its source and for the worker and, if the event is a probe, reports it
 * to the brake. An event that failed through no fault of its own has no verdict and is not counted. Returns
 * the change of its source's brake; the worker's brake may be released, too. */
enum brake_news sources_count(struct sources *s, const struct event *event, uint32_t random, int64_t now_us);
/* Call repeatedly after a batch was counted: returns the next source whose brake is now put on, then NULL. */
struct source *sources_settle(struct sources *s, uint32_t random, int64_t now_us);
/* The same for the worker's own brake. */
enum brake_news sources_settle_worker(struct sources *s, uint32_t random, int64_t now_us);
/* Number of braked sources. */
size_t sources_braked(const struct sources *s);
/* Returns a held event, with probe set, when a probe of its source is due, else NULL. Of several sources, the
 * one that has been due for longest comes first. The caller owns the event. */
struct event *sources_take_probe(struct sources *s, int64_t now_us);
/* The same for the worker's own brake: an event from `ordinary` or, when that is empty, a held event. */
struct event *sources_take_worker_probe(struct sources *s, struct event_queue *ordinary, int64_t now_us);
/* When one of the two functions above will next return an event; INT64_MAX: not by time alone. */
int64_t sources_probe_due_us(const struct sources *s);
/* Returns the oldest held event of the source that holds the most, or NULL; the caller owns it. *since_us is
 * the time at which that source was braked. */
struct event *sources_take_surplus(struct sources *s, int64_t *since_us);
/* Moves the held events of a source whose brake was released to the end of `into`. */
void sources_release(struct sources *s, struct source *source, struct event_queue *into);
/* Moves the held events delivered before before_us to the end of `into`. */
void sources_take_older(struct sources *s, int64_t before_us, struct event_queue *into);
/* Frees all held events. The brakes stay as they are. */
void sources_clear(struct sources *s);

#endif

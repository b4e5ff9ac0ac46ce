/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_SOURCES_H
#define SLUICE_WORKER_SOURCES_H

/* A brake for each source, and the worker's own one above them: it goes on when more than half of the last
 * 200 events were refused and at least two sources are braked, since then it is no source's trouble. The
 * events of braked sources wait here, so that they hold up no others. The table is bounded: sources beyond it
 * share one brake. Pure. */

#include "brake.h"
#include "event.h"

#define SOURCES_MOST 64

struct source {
    char name[ENVELOPE_SOURCE_MAX + 1]; /* "" of the one that is shared */
    struct brake brake;
    struct event_queue held; /* while the brake is on */
    uint64_t used;           /* the turn of its last event: the least is the first to make room */
};

struct sources {
    struct source of[SOURCES_MOST + 1]; /* the last one is shared */
    size_t count;                       /* without the shared one */
    struct brake worker;
    size_t held; /* of all sources */
    uint64_t turn;
};

void sources_init(struct sources *s);
/* The entry of a source, made when it is new. Valid until the next call. */
struct source *sources_find(struct sources *s, struct span name);
/* True, and the event is taken over, when its source is braked. */
bool sources_hold(struct sources *s, struct event *event);
/* Counts what became of an event, for its source and for the worker, and of the probe that it may be. One
 * that failed for no fault of its own got no verdict. Returns what is news of its source's brake; that of the
 * worker may be released too. */
enum brake_news sources_count(struct sources *s, const struct event *event, uint32_t random, int64_t now_us);
/* After a batch was counted: the next source whose brake this has put on; NULL: none (more). */
struct source *sources_settle(struct sources *s, uint32_t random, int64_t now_us);
/* The same for the worker's own brake. */
enum brake_news sources_settle_worker(struct sources *s, uint32_t random, int64_t now_us);
/* Sources that are braked. */
size_t sources_braked(const struct sources *s);
/* A held event to try for the brake of its source, now the caller's, with probe set; NULL: none is due. */
struct event *sources_take_probe(struct sources *s, int64_t now_us);
/* Likewise for the worker's own brake: one from `ordinary` or, when that is empty, a held one. */
struct event *sources_take_worker_probe(struct sources *s, struct event_queue *ordinary, int64_t now_us);
/* When one of these two will have one; INT64_MAX: not by time alone. */
int64_t sources_probe_due_us(const struct sources *s);
/* The held event that came first of the source that holds the most, and since when that source is
 * braked; NULL: none. */
struct event *sources_take_surplus(struct sources *s, int64_t *since_us);
/* Moves what is held of a source whose brake has been released to the end of `into`. */
void sources_release(struct sources *s, struct source *source, struct event_queue *into);
/* Moves those held that came before before_us to the end of `into`. */
void sources_take_older(struct sources *s, int64_t before_us, struct event_queue *into);
/* Frees all that is held. Brakes stay as they are. */
void sources_clear(struct sources *s);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SOURCES_SOURCE_H
#define SLUICE_GATEWAY_SOURCES_SOURCE_H

/* The sources that there are, and which one a request belongs to. A table of routes never changes once it is
 * installed, but for its buckets; another one may take its place at any time, while requests that have begun
 * go on under the one they hold. */

#include "buf.h"
#include "envelope.h"
#include "gateway/event/event_id.h"
#include "gateway/publish/delays.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/verify/verify.h"
#include "topology.h"

#include <stdatomic.h>
#include <stdint.h>

#define ROUTE_SOURCES_MAX 256
#define ROUTE_PATH_MAX 1024
#define RATE_MOST 100000 /* per second, and of a burst */

/* A token bucket: so many events a second, and after a quiet time so many at once. Kept as one
 * number, the time at which the bucket is full again. Any thread may take. */

struct rate {
    int64_t per_second; /* 0: no limit */
    int64_t burst;      /* at least 1 */
    _Atomic int64_t full_at_ns;
};

/* Texts are owned by the table. */
struct source {
    char name_text[ENVELOPE_SOURCE_MAX + 1];
    struct span name; /* of name_text: the routing key; see envelope_source_valid */
    char *path;       /* of a prefix without its '*', so that it ends in '/' */
    bool prefix;
    unsigned methods; /* see request_method */
    struct verify_rule verify;
    struct event_id_rule id;
    char *id_text; /* what id.text views, unless it is the scheme's */
    enum envelope_keep keep;
    int64_t max_body;
    struct rate rate;
    int64_t delay_us;
    char exchange[TOPOLOGY_NAME_MAX]; /* that its events enter by: of delay_us */
    bool drop_query;
    bool answers; /* by `answer`, not in our own words */
    struct reply_answer answer;
    char *answer_type, *answer_body; /* what answer views */
};

struct routes {
    atomic_int holds;
    bool listed; /* by a file: other paths than its own get 404, doubtful ones 400 */
    struct source *sources;
    size_t count;
    struct delays delays; /* of all sources */
};

/* Takes a token. 0, or how many microseconds from now (monotonic) the next one comes. Any thread. */
int64_t rate_take(struct rate *rate, int64_t now_us);
/* A table of so many zeroed sources, held once. NULL: no memory. */
struct routes *source_table(size_t count);
/* What there is without a routes file: the source `default` takes everything, unverified. Held once. NULL: no
 * memory. */
struct routes *source_default(int64_t delay_us, int64_t max_body);
/* Sets what follows from delay_us. False: it is one delay too many (see delays). */
MUST_CHECK bool source_set_delay(struct routes *routes, struct source *source, int64_t delay_us);

/* What makes a path doubtful, since two readers may take it for different ones: "%2e", "//", or a
 * segment "." or "..". NULL: nothing. */
const char *source_doubt(struct span path);
/* The source whose path is the longest that fits; an exact one is longer than any prefix. Without regard to
 * the method. NULL: none. */
struct source *source_find(const struct routes *routes, struct span path);
/* The source that takes this request; NULL: *reply says why. */
struct source *source_meet(const struct routes *routes, const struct request *request, struct reply *reply);

/* Puts the table in force and takes over the caller's hold; the one before is let go. What the buckets of
 * sources of the same name and rate have given stays given. Any thread. */
void source_install(struct routes *routes);
/* The table in force, to be let go by source_release. Any thread; never NULL after the first source_install.
 */
struct routes *source_hold(void);
/* routes may be NULL. */
void source_release(struct routes *routes);
/* Logs each source, and warns of those that are open to anybody. After log_start. */
void source_announce(const struct routes *routes);

#endif

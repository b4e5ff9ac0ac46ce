/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SOURCES_SOURCE_H
#define SLUICE_GATEWAY_SOURCES_SOURCE_H

/* The sources, and the routing of requests to them. A table of routes does not change once it is installed,
 * except for its token buckets and counts. Another table may replace it at any time; requests that have begun
 * finish with the one they hold. */

#include "buf.h"
#include "envelope.h"
#include "gateway/event/event_id.h"
#include "gateway/event/event_order.h"
#include "gateway/publish/delays.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/verify/verify.h"
#include "source_counts.h"
#include "topology.h"

#include <stdatomic.h>
#include <stdint.h>

#define ROUTE_SOURCES_MAX 256
#define ROUTE_PATH_MAX 1024
#define ROUTES_SHA256_SIZE 65 /* hex digits, and NUL */
#define RATE_MOST 100000      /* maximum of per_second and of burst */

/* A token bucket: per_second events a second, and up to burst at once after a quiet time. Its state is one
 * number, the time at which the bucket is full again. Any thread may call rate_take. */

struct rate {
    int64_t per_second; /* 0: no limit */
    int64_t burst;      /* at least 1 */
    _Atomic int64_t full_at_ns;
};

/* One source. The table owns the texts. */
struct source {
    char name_text[ENVELOPE_SOURCE_MAX + 1];
    struct span name; /* views name_text; the routing key; see envelope_source_valid */
    char *path;       /* a prefix ends in '/': its '*' is removed */
    bool prefix;
    unsigned methods; /* of its events: see request_method */
    struct verify_rule verify;
    struct event_id_rule id[EVENT_ID_RULES_MAX + 1]; /* ends in EVENT_ID_END */
    char *id_texts[EVENT_ID_RULES_MAX]; /* back the texts of `id`, unless those are the scheme's */
    struct event_order_rule order;      /* its text is owned */
    int64_t max_body;
    struct rate rate;
    int64_t delay_us;
    char exchange[TOPOLOGY_NAME_MAX]; /* the exchange that its events are published to, by delay_us */
    bool drop_query;
    bool answers; /* the reply to a queued event is `answer`, not the default */
    struct reply_answer answer;
    char *answer_type, *answer_body; /* back `answer` */
    struct source_counts *counts;    /* a reference */
};

struct routes {
    atomic_int holds; /* references */
    bool listed;      /* read from a file: unknown paths get 404, ambiguous ones 400 */
    struct source *sources;
    size_t count;
    struct delays delays;            /* the delays of all sources */
    char sha256[ROUTES_SHA256_SIZE]; /* of the file; "none" without one */
};

/* Takes a token and returns 0; when there is none, returns in how many microseconds there will be one. now_us
 * is monotonic. Any thread. */
int64_t rate_take(struct rate *rate, int64_t now_us);
/* Registers the metrics of the table in force, and of its sources. Before threads start. */
void source_register(void);
/* Makes a table of `count` zeroed sources with one reference. NULL when there is no memory. */
struct routes *source_table(size_t count);
/* Makes the table that is used without a routes file: the source `default` accepts every request, unverified.
 * One reference. NULL when there is no memory. */
struct routes *source_default(int64_t delay_us, int64_t max_body);
/* Sets the source's delay and exchange, and adds the delay to routes->delays. False when those are full. */
MUST_CHECK bool source_set_delay(struct routes *routes, struct source *source, int64_t delay_us);

/* Returns what makes a path ambiguous, because servers normalise it differently: "%2e", "//", or a segment
 * "." or "..". NULL when nothing does. Static. */
const char *source_doubt(struct span path);
/* Returns the source with the longest matching path; of equal length an exact path wins over a prefix.
 * Ignores the method. NULL when none matches. */
struct source *source_find(const struct routes *routes, struct span path);
/* True when the source's events may have the request's method. */
bool source_takes(const struct source *source, const struct request *request);
/* Sets *reply to the refusal of the request's method. Returns false. */
bool source_refuse_method(const struct source *source, struct reply *reply);
/* Returns the source of this request; NULL, with *reply set, when there is none, or when neither its events
 * nor its challenges have the request's method, which is counted here. */
struct source *source_meet(const struct routes *routes, const struct request *request, struct reply *reply);

/* Makes the table the current one and takes over the caller's reference; releases the one before. Token
 * buckets keep their state for sources whose name and rate are unchanged, counts for those whose name is. Any
 * thread. */
void source_install(struct routes *routes);
/* Returns the current table with a new reference, for source_release. NULL only before the first
 * source_install. Any thread. */
struct routes *source_hold(void);
/* Drops a reference, and frees the table with the last one. routes may be NULL. Any thread. */
void source_release(struct routes *routes);
/* Logs each source, and warns about those that accept unverified requests. After log_start. */
void source_announce(const struct routes *routes);

#endif

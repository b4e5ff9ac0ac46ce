/* SPDX-License-Identifier: MIT */
#include "source.h"

#include "clock.h"
#include "gateway/verify/schemes.h"
#include "log.h"
#include "metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct routes *current; /* under the mutex */

enum { TABLES, LOADED, METRICS };
static struct metric metrics[METRICS] = {
    [TABLES] = {"sluice_gateway_route_tables", NULL,
                "Tables of sources in memory: the one in force, and older ones that a request still uses.",
                METRIC_GAUGE, 0},
    [LOADED] = {"sluice_gateway_routes_loaded_timestamp_seconds", NULL,
                "When the routes in force were loaded, in seconds since 1970.", METRIC_TIMESTAMP, 0},
};

static void show_routes(metric_show *show, void *context)
{
    static const _Atomic int64_t one = 1;
    struct routes *r = source_hold();

    if (r != NULL) {
        show(context, span_of(r->sha256), &one);
        source_release(r);
    }
}

static void show_sources(metric_show *show, void *context)
{
    struct routes *r = source_hold();

    for (size_t i = 0; r != NULL && i < r->count; i++) {
        show(context, r->sources[i].name, source_counts_values(r->sources[i].counts));
    }
    source_release(r);
}

void source_register(void)
{
    static const struct metric_column info = {"sluice_gateway_routes_info", NULL,
                                              "1, for the routes file in force: the SHA-256 of its bytes, as "
                                              "sha256sum prints it; none without a file.",
                                              METRIC_GAUGE};
    static const struct metric_family routes = {"sha256", &info, 1, show_routes};

    metrics_register(metrics, METRICS);
    metrics_register_family(&routes);
    source_counts_register(show_sources);
}

/* --- tables ------------------------------------------------------------------------ */

static void free_table(struct routes *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct source *s = &r->sources[i];

        verify_rule_free(&s->verify);
        free(s->path);
        for (size_t n = 0; n < EVENT_ID_RULES_MAX; n++) {
            free(s->id_texts[n]);
        }
        free(s->order.text);
        free(s->answer_type);
        free(s->answer_body);
        source_counts_release(s->counts);
    }
    free(r->sources);
    free(r);
    metric_add(&metrics[TABLES], -1);
}

struct routes *source_table(size_t count)
{
    struct routes *r = calloc(1, sizeof *r);

    if (r == NULL) {
        return NULL;
    }
    r->holds = 1;
    r->sources = calloc(count, sizeof *r->sources);
    r->count = count;
    if (r->sources == NULL) {
        free(r);
        return NULL;
    }
    metric_add(&metrics[TABLES], 1);
    (void)snprintf(r->sha256, sizeof r->sha256, "none");
    for (size_t i = 0; i < count; i++) {
        r->sources[i].counts = source_counts_new();
        if (r->sources[i].counts == NULL) {
            free_table(r);
            return NULL;
        }
    }
    return r;
}

struct routes *source_default(int64_t delay_us, int64_t max_body)
{
    struct routes *r = source_table(1);
    struct source *s;

    if (r == NULL) {
        return NULL;
    }
    s = &r->sources[0];
    (void)snprintf(s->name_text, sizeof s->name_text, "default");
    s->name = span_of(s->name_text);
    s->path = strdup("/");
    s->prefix = true;
    s->methods = REQUEST_METHODS_ALL;
    s->max_body = max_body;
    memcpy(s->id, scheme_of(VERIFY_NONE)->id, sizeof scheme_of(VERIFY_NONE)->id);
    if (s->path == NULL || !source_set_delay(r, s, delay_us)) {
        free_table(r);
        return NULL;
    }
    return r;
}

bool source_set_delay(struct routes *r, struct source *s, int64_t delay_us)
{
    s->delay_us = delay_us;
    topology_entry(s->exchange, delay_us);
    return delays_add(&r->delays, delay_us / CLOCK_US_PER_S);
}

/* --- finding ------------------------------------------------------------------------ */

const char *source_doubt(struct span path)
{
    for (size_t i = 0; i < path.len; i++) {
        const char *at = path.data + i;
        size_t left = path.len - i, dots = 0;

        if (*at == '%' && left >= 3 && strncasecmp(at, "%2e", 3) == 0) {
            return "%2e";
        }
        if (*at != '/') {
            continue;
        }
        if (left > 1 && at[1] == '/') {
            return "//";
        }
        while (dots + 1 < left && at[dots + 1] == '.') {
            dots++;
        }
        if ((dots == 1 || dots == 2) && (dots + 1 == left || at[dots + 1] == '/')) {
            return dots == 1 ? "/./" : "/../";
        }
    }
    return NULL;
}

struct source *source_find(const struct routes *r, struct span path)
{
    struct source *found = NULL;
    size_t longest = 0;

    for (size_t i = 0; i < r->count; i++) {
        struct source *s = &r->sources[i];
        size_t len = strlen(s->path);

        if (len < longest || path.len < len || memcmp(path.data, s->path, len) != 0) {
            continue;
        }
        if (!s->prefix && path.len != len) {
            continue;
        }
        /* At the same length an exact path wins over a prefix. */
        if (found == NULL || len > longest || !s->prefix) {
            found = s;
            longest = len;
        }
    }
    return found;
}

/* Of its events and of its challenges. */
static unsigned all_methods(const struct source *source)
{
    return source->methods | declared_challenge_methods(&source->verify.challenge);
}

bool source_takes(const struct source *source, const struct request *request)
{
    return (source->methods & request_method(request->method)) != 0;
}

bool source_refuse_method(const struct source *source, struct reply *reply)
{
    (void)reply_refuse(reply, REPLY_METHOD, "the method is not allowed; see the Allow header");
    reply->allow = all_methods(source);
    return false;
}

struct source *source_meet(const struct routes *r, const struct request *request, struct reply *reply)
{
    const char *doubt = r->listed ? source_doubt(request->path) : NULL;
    struct source *source;

    if (doubt != NULL) {
        (void)reply_refuse(reply, REPLY_MALFORMED, "the path holds %s, which is ambiguous", doubt);
        return NULL;
    }
    source = source_find(r, request->path);
    if (source == NULL) {
        (void)reply_refuse(reply, REPLY_UNKNOWN, "no source has this path");
        return NULL;
    }
    if ((all_methods(source) & request_method(request->method)) == 0) {
        (void)source_refuse_method(source, reply);
        source_counts_reply(source->counts, reply->kind, clock_wall_us());
        return NULL;
    }
    return source;
}

/* --- the current table ----------------------------------------------------------------- */

/* What a source has counted lives as long as its name is in the table in force. */
static void keep_counts(struct source *s, const struct source *before)
{
    struct source_counts *own = s->counts;

    s->counts = source_counts_share(before->counts);
    source_counts_release(own);
}

static void keep_state(struct routes *to, const struct routes *from)
{
    for (size_t i = 0; i < to->count; i++) {
        for (size_t j = 0; from != NULL && j < from->count; j++) {
            struct source *s = &to->sources[i];
            const struct source *before = &from->sources[j];

            if (!span_equal(s->name, before->name)) {
                continue;
            }
            keep_counts(s, before);
            if (s->rate.per_second == before->rate.per_second) {
                atomic_store(&s->rate.full_at_ns, atomic_load(&before->rate.full_at_ns));
            }
        }
    }
}

void source_install(struct routes *r)
{
    struct routes *before;

    (void)pthread_mutex_lock(&mutex);
    before = current;
    keep_state(r, before);
    current = r;
    metric_set(&metrics[LOADED], clock_wall_us());
    (void)pthread_mutex_unlock(&mutex);
    source_release(before);
}

struct routes *source_hold(void)
{
    struct routes *r;

    (void)pthread_mutex_lock(&mutex);
    r = current;
    if (r != NULL) {
        (void)atomic_fetch_add(&r->holds, 1);
    }
    (void)pthread_mutex_unlock(&mutex);
    return r;
}

void source_release(struct routes *r)
{
    if (r != NULL && atomic_fetch_sub(&r->holds, 1) == 1) {
        free_table(r);
    }
}

void source_announce(const struct routes *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct source *s = &r->sources[i];

        if (r->listed) {
            log_info("source", log_span("source", s->name), log_text("path", s->path),
                     log_text("match", s->prefix ? "prefix" : "exact"),
                     log_text("verify", scheme_of(s->verify.scheme)->name));
        }
        if (s->verify.scheme == VERIFY_NONE) {
            log_warning("unverified", log_span("source", s->name),
                        log_text("message",
                                 r->listed ? "accepts events from anybody: its scheme is none"
                                           : "accepts all requests from anybody: GATEWAY_ROUTES is not set"));
        }
    }
}

/* --- rates ----------------------------------------------------------- */

#define NS_PER_US INT64_C(1000)
#define NS_PER_S INT64_C(1000000000)

int64_t rate_take(struct rate *r, int64_t now_us)
{
    int64_t now = now_us * NS_PER_US;
    int64_t before = atomic_load_explicit(&r->full_at_ns, memory_order_relaxed);
    int64_t each, begin;

    if (r->per_second == 0) {
        return 0;
    }
    each = NS_PER_S / r->per_second;
    do {
        begin = before > now ? before : now;
        if (begin - now > (r->burst - 1) * each) {
            return (begin - now - (r->burst - 1) * each + NS_PER_US - 1) / NS_PER_US;
        }
    } while (!atomic_compare_exchange_weak(&r->full_at_ns, &before, begin + each));
    return 0;
}

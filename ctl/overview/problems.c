/* SPDX-License-Identifier: MIT */
#include "problems.h"

#include "broker_problems.h"
#include "clock.h"
#include "topology.h"

#include <inttypes.h>
#include <string.h>

#define RECENT_S 300
#define DEAD_S 900
#define OLD_S 300
#define UNVERIFIED_LEAST 3
#define SILENT_LEAST_S 3600
#define SILENT_FACTOR 10
#define QUEUE_SHARE 10
#define CERTIFICATE_DAYS 14
#define S_PER_DAY 86400
#define NAMED_MAX 3

struct view {
    const struct overview *now;
    const struct reading *recent; /* NULL: not known */
    double at_s;
};

static void append_age(struct buf *out, double seconds)
{
    static const struct {
        double seconds;
        const char *unit;
    } units[] = {{S_PER_DAY, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    size_t i = 0;

    while (i + 1 < sizeof units / sizeof units[0] && seconds < 2 * units[i].seconds) {
        i++;
    }
    buf_printf(out, "%.0f %s", seconds < 0 ? 0 : seconds / units[i].seconds, units[i].unit);
}

static bool is_recent(const struct view *view, double at_s)
{
    return at_s > 0 && view->at_s - at_s < RECENT_S;
}

/* --- conditions: each appends its words when it is true ---------------------- */

/* Names the first few replicas that aren't ready. */
static void append_states(struct buf *words, const struct replicas *replicas)
{
    size_t named = 0;

    for (size_t i = 0; i < replicas->count && named < NAMED_MAX; i++) {
        const struct replica *r = &replicas->list[i];

        if (!r->ready) {
            buf_printf(words, "%s %s%s: %s", named == 0 ? ":" : ";", r->address,
                       r->answered ? "" : " doesn't answer", r->state);
            named++;
        }
    }
}

static bool gateway_not_ready(const struct view *view, struct buf *words)
{
    const struct replicas *gateways = &view->now->gateways;
    size_t ready = replicas_ready(gateways);

    if (!view->now->asks_gateways || ready == gateways->count) {
        return false;
    }
    buf_printf(words, "%zu of %zu gateways are not ready", gateways->count - ready, gateways->count);
    append_states(words, gateways);
    return true;
}

static bool no_worker_ready(const struct view *view, struct buf *words)
{
    const struct replicas *workers = &view->now->workers;

    if (!view->now->asks_workers || replicas_ready(workers) > 0) {
        return false;
    }
    buf_printf(words, "none of %zu workers is ready", workers->count);
    append_states(words, workers);
    return true;
}

/* Only the workers themselves know: the management API lists a worker for some seconds after its end. */
static bool standby_only(const struct view *view, struct buf *words)
{
    int64_t workers = view->now->worker_count, standby = view->now->standby;

    if (!view->now->asks_workers || workers <= 0 || standby < workers) {
        return false;
    }
    buf_printf(words, "all %" PRId64 " workers are on standby: somebody else holds the budget's connections",
               workers);
    return true;
}

static bool workers_paused(const struct view *view, struct buf *words)
{
    if (view->now->totals.paused <= 0) {
        return false;
    }
    buf_printf(words, "%.0f workers pause until somebody repairs the database", view->now->totals.paused);
    return true;
}

static bool source_braked(const struct view *view, struct buf *words)
{
    if (view->now->totals.braked <= 0) {
        return false;
    }
    buf_printf(words, "workers brake for %.0f sources, because the database refuses most of their events",
               view->now->totals.braked);
    return true;
}

static bool dead_letters_rising(const struct view *view, struct buf *words)
{
    double last_s = (double)view->now->database.last_dead_us / CLOCK_US_PER_S;

    if (last_s < 0 || view->at_s - last_s >= DEAD_S) {
        return false;
    }
    buf_append_text(words, "events are dying: the last dead letter was written ");
    append_age(words, view->at_s - last_s);
    buf_append_text(words, " ago");
    return true;
}

static bool dead_queue_not_empty(const struct view *view, struct buf *words)
{
    const struct queue_depth *dead = overview_queue(view->now, TOPOLOGY_DEAD);

    if (dead == NULL || dead->ready == 0) {
        return false;
    }
    buf_printf(words, "%" PRIu32 " messages are in " TOPOLOGY_DEAD ": the broker gave them up", dead->ready);
    return true;
}

static bool oldest_event_old(const struct view *view, struct buf *words)
{
    double oldest_s = view->now->totals.oldest_event_s;

    if (oldest_s == 0 || view->at_s - oldest_s <= OLD_S) {
        return false;
    }
    buf_append_text(words, "the oldest event that a worker holds was received ");
    append_age(words, view->at_s - oldest_s);
    buf_append_text(words, " ago");
    return true;
}

static bool queue_filling(const struct view *view, struct buf *words)
{
    int64_t bytes = view->now->queue_bytes, most = view->now->queue_max_bytes;

    if (bytes <= 0 || most <= 0 || bytes <= most / QUEUE_SHARE) {
        return false;
    }
    buf_printf(words, TOPOLOGY_INGEST " is %" PRId64 " %% full; when it is full, senders get 503",
               bytes * 100 / most);
    return true;
}

/* Appends the first sources whose last refusal is recent and which `is` accepts; false: none is. */
static bool append_refused(const struct view *view, struct buf *words, const char *intro,
                           bool (*is)(const struct source_totals *source))
{
    const struct totals *totals = &view->now->totals;
    size_t found = 0;

    for (size_t i = 0; i < totals->source_count; i++) {
        const struct source_totals *s = &totals->sources[i];

        if (!is_recent(view, s->last_refused_s) || !is(s)) {
            continue;
        }
        if (found < NAMED_MAX) {
            buf_printf(words, "%s %s (%s, the last ", found == 0 ? intro : ",", s->name, s->cause);
            append_age(words, view->at_s - s->last_refused_s);
            buf_append_text(words, " ago)");
        }
        found++;
    }
    if (found > NAMED_MAX) {
        buf_printf(words, " and %zu more", found - NAMED_MAX);
    }
    return found > 0;
}

static bool is_unavailable(const struct source_totals *source)
{
    return totals_is_unavailable(source->cause);
}

static bool senders_get_503(const struct view *view, struct buf *words)
{
    const struct totals *totals = &view->now->totals;

    if (append_refused(view, words, "senders get 503: source", is_unavailable)) {
        return true;
    }
    if (view->recent == NULL || view->recent->generation != totals->generation ||
        totals->unavailable <= view->recent->unavailable) {
        return false;
    }
    buf_printf(words, "senders get 503: %.0f requests in the last minutes",
               totals->unavailable - view->recent->unavailable);
    return true;
}

/* Strangers get 401, too: a few of them among verified events are no problem. */
static bool is_unverified(const struct source_totals *source)
{
    return strcmp(source->cause, "unverified") == 0 && source->last_refused_s > source->last_accepted_s &&
           totals_cause_count(source, source->cause) >= UNVERIFIED_LEAST;
}

static bool source_unverified(const struct view *view, struct buf *words)
{
    return append_refused(view, words, "requests are refused with 401: source", is_unverified);
}

/* 0: not silent. Else the usual seconds between two events. */
static double usual_of_silent(const struct view *view, const struct source_totals *s)
{
    double started_s = view->now->totals.started_s;
    double usual_s, limit_s;

    if (s->accepted < 2 || s->last_accepted_s <= started_s || started_s == 0) {
        return 0;
    }
    usual_s = (s->last_accepted_s - started_s) / s->accepted;
    limit_s = SILENT_FACTOR * usual_s < SILENT_LEAST_S ? SILENT_LEAST_S : SILENT_FACTOR * usual_s;
    return view->at_s - s->last_accepted_s > limit_s ? usual_s : 0;
}

static bool source_silent(const struct view *view, struct buf *words)
{
    const struct totals *totals = &view->now->totals;
    size_t found = 0;

    for (size_t i = 0; i < totals->source_count; i++) {
        const struct source_totals *s = &totals->sources[i];
        double usual_s = usual_of_silent(view, s);

        if (usual_s > 0 && found++ < NAMED_MAX) {
            buf_printf(words, "%s %s has had no verified event for ",
                       found == 1 ? "a source is silent:" : ",", s->name);
            append_age(words, view->at_s - s->last_accepted_s);
            buf_append_text(words, ", before that one every ");
            append_age(words, usual_s);
        }
    }
    if (found > NAMED_MAX) {
        buf_printf(words, " and %zu more", found - NAMED_MAX);
    }
    return found > 0;
}

static bool log_lines_dropped(const struct view *view, struct buf *words)
{
    const struct totals *totals = &view->now->totals;
    bool since = view->recent != NULL && view->recent->generation == totals->generation;
    double dropped = totals->log_dropped - (since ? view->recent->log_dropped : 0);

    if (dropped <= 0) {
        return false;
    }
    buf_printf(words, "%.0f log lines were dropped %s", dropped,
               since ? "in the last minutes" : "since the programs started");
    return true;
}

static bool certificate_ends(const struct view *view, struct buf *words)
{
    double left_s = view->now->totals.certificate_s - view->at_s;

    if (view->now->totals.certificate_s == 0 || left_s > CERTIFICATE_DAYS * S_PER_DAY) {
        return false;
    }
    if (left_s <= 0) {
        buf_append_text(words, "a gateway's certificate has ended");
        return true;
    }
    buf_append_text(words, "a gateway's certificate ends in ");
    append_age(words, left_s);
    return true;
}

static bool majority_lost(const struct view *view, struct buf *words)
{
    return broker_problems_majority_lost(view->now, words);
}

static bool members_few(const struct view *view, struct buf *words)
{
    return broker_problems_members_few(view->now, words);
}

static bool queue_unattended(const struct view *view, struct buf *words)
{
    return broker_problems_queue_unattended(view->now, words);
}

bool problems_in_cluster(const struct overview *now)
{
    struct buf words = {0};
    bool found = broker_problems_majority_lost(now, &words) || broker_problems_members_few(now, &words);

    buf_free(&words);
    return found;
}

/* The worst first. */
static const struct {
    const char *name, *anchor;
    bool (*is)(const struct view *view, struct buf *words);
} rows[] = {
    {"BrokerMajorityLost", "a-cluster", majority_lost},
    {"SluiceGatewayNotReady", "gateway-not-ready", gateway_not_ready},
    {"SluiceNoWorkerReady", "no-worker-ready", no_worker_ready},
    {"SluiceAnswers503", "503s", senders_get_503},
    {"SluicePaused", "database-needs-repair", workers_paused},
    {"SluiceStandbyOnly", "workers-on-standby", standby_only},
    {"SluiceQueueFilling", "queue-near-its-bound", queue_filling},
    {"BrokerQueueUnattended", "more-than-one-queue", queue_unattended},
    {"SluiceOldestEventLate", "events-are-late", oldest_event_old},
    {"BrokerMembersFew", "a-cluster", members_few},
    {"SluiceBraked", "events-are-dying", source_braked},
    {"SluiceDeadLettersRising", "events-are-dying", dead_letters_rising},
    {"SluiceDeadQueueNotEmpty", "what-the-broker-gave-up", dead_queue_not_empty},
    {"SluiceSourceUnverified", "a-source-gets-401", source_unverified},
    {"SluiceSourceSilent", "a-source-is-silent", source_silent},
    {"SluiceCertificateEnds", "rotate-a-certificate", certificate_ends},
    {"SluiceLogLinesDropped", "log-lines-are-dropped", log_lines_dropped},
};

size_t problems_find(struct problem problems[PROBLEMS_MAX], const struct overview *now,
                     const struct reading *recent)
{
    const struct view view = {now, recent, (double)now->at_us / CLOCK_US_PER_S};
    struct buf words = {0};
    size_t count = 0;

    _Static_assert(sizeof rows / sizeof rows[0] <= PROBLEMS_MAX, "all problems may occur at once");
    for (size_t i = 0; now->at_us != 0 && i < sizeof rows / sizeof rows[0]; i++) {
        buf_clear(&words);
        if (rows[i].is(&view, &words)) {
            struct problem *problem = &problems[count++];

            problem->name = rows[i].name;
            problem->anchor = rows[i].anchor;
            (void)text_copy(problem->words, sizeof problem->words, buf_span(&words));
        }
    }
    buf_free(&words);
    return count;
}

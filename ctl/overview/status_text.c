/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "ctl/cluster.h"
#include "ctl/report.h"
#include "ctl/tabulate.h"
#include "status_view.h"

#include <inttypes.h>

#define RUNBOOK "docs/operations.md#"
#define SOURCE_WIDTH 24

static const char *number(struct buf *b, int64_t value)
{
    buf_clear(b);
    if (value == OVERVIEW_UNKNOWN) {
        return "unknown";
    }
    buf_printf(b, "%" PRId64, value);
    return buf_text(b);
}

static void print_problems(const struct status_view *view)
{
    const struct overview *o = view->overview;
    const char *unasked = o->asks_gateways && o->asks_workers ? ""
                          : o->asks_gateways                  ? "; the workers were not asked (WORKER_ADMINS)"
                          : o->asks_workers ? "; the gateways were not asked (GATEWAY_ADMINS)"
                                            : "; gateways and workers were not asked (GATEWAY_ADMINS, "
                                              "WORKER_ADMINS)";

    for (size_t i = 0; i < view->problem_count; i++) {
        report_line("problem: %s", view->problems[i].words);
        report_line("         %s, " RUNBOOK "%s", view->problems[i].name, view->problems[i].anchor);
    }
    if (view->problem_count == 0 && o->error_count == 0) {
        report_line("no problem is known%s", unasked);
    }
}

static void print_queues(const struct queue_depths *depths)
{
    report_line("%-22s %10s %10s", "queue", "ready", "consumers");
    for (size_t i = 0; i < depths->count; i++) {
        const struct queue_depth *q = &depths->queues[i];

        if (q->there) {
            report_line("%-22s %10" PRIu32 " %10" PRIu32, q->name, q->ready, q->consumers);
        } else {
            report_line("%-22s %10s %10s", q->name, "missing", "-");
        }
    }
}

/* Only where there is more than one node. */
static void print_members(const struct overview *o)
{
    const cJSON *entry;
    bool titled = false;

    cJSON_ArrayForEach(entry, o->queues)
    {
        const struct cluster_queue queue = cluster_queue_of(entry);
        struct buf online = {0};

        if (o->nodes <= 1 && queue.member_count <= 1) {
            continue;
        }
        if (!titled) {
            report_line("%-22s %-24s %s", "queue", "leader", "members online");
            titled = true;
        }
        cluster_append_names(&online, queue.online);
        report_line("%-22s %-24s %zu of %zu: %s", management_text(entry, "name"),
                    queue.leader[0] == '\0' ? "none" : queue.leader, queue.online_count, queue.member_count,
                    buf_text(&online));
        buf_free(&online);
    }
}

static void print_numbers(const struct overview *o)
{
    struct buf a = {0}, b = {0}, c = {0};

    report_line("%-22s %10s%s", "rows", number(&a, o->database.rows),
                o->database.rows == OVERVIEW_UNKNOWN || !o->database.rows_estimated ? "" : " (about)");
    report_line("%-22s %10s", "dead letters", number(&a, o->database.dead));
    report_line("%-22s %10s of a budget of %s; max_connections %s", "worker connections",
                number(&a, o->database.held), number(&b, o->database.budget),
                number(&c, o->database.max_connections));
    report_line("%-22s %10s, on standby %s", "workers", number(&a, o->worker_count), number(&b, o->standby));
    buf_free(&a);
    buf_free(&b);
    buf_free(&c);
}

static void print_rate(const char *name, double rate, const char *other, double other_rate)
{
    if (rate < 0) {
        report_line("%-22s %10s", name, "unknown");
    } else {
        report_line("%-22s %10.1f/s, %s %.1f/s", name, rate, other, other_rate);
    }
}

static void print_replicas(const char *name, const struct replicas *replicas)
{
    report_line("%-22s %10zu of %zu", name, replicas_ready(replicas), replicas->count);
    for (size_t i = 0; i < replicas->count; i++) {
        const struct replica *r = &replicas->list[i];

        if (!r->answered) {
            report_line("  %s doesn't answer: %s", r->address, r->state);
        } else if (!r->ready) {
            report_line("  %s is not ready: %s", r->address, r->state);
        }
    }
}

static void print_oldest(const struct overview *o)
{
    if (o->totals.oldest_event_s == 0) {
        report_line("%-22s %10s", "oldest event", "none held");
    } else {
        report_line("%-22s %10.0f s", "oldest event",
                    (double)o->at_us / CLOCK_US_PER_S - o->totals.oldest_event_s);
    }
}

static const char *moment(struct buf *b, double at_s)
{
    buf_clear(b);
    if (at_s == 0) {
        return "-";
    }
    clock_append(b, (int64_t)at_s * CLOCK_US_PER_S);
    b->len = b->len > 8 ? b->len - 8 : b->len; /* without its fraction */
    buf_append_char(b, 'Z');
    return buf_text(b);
}

static void print_sources(const struct totals *totals)
{
    struct buf name = {0}, accepted = {0}, refused = {0};

    if (totals->source_count > 0) {
        report_line("%-*s %10s  %-20s %10s  %s", SOURCE_WIDTH, "source", "accepted", "last accepted",
                    "refused", "last refused, cause");
    }
    for (size_t i = 0; i < totals->source_count; i++) {
        const struct source_totals *s = &totals->sources[i];

        buf_clear(&name);
        (void)tabulate_append(&name, s->name, SOURCE_WIDTH);
        report_line("%-*s %10.0f  %-20s %10.0f  %s%s%s", SOURCE_WIDTH, buf_text(&name), s->accepted,
                    moment(&accepted, s->last_accepted_s), s->refused, moment(&refused, s->last_refused_s),
                    s->cause[0] == '\0' ? "" : ", ", s->cause);
    }
    buf_free(&name);
    buf_free(&accepted);
    buf_free(&refused);
}

void status_print_text(const struct status_view *view)
{
    const struct overview *o = view->overview;

    print_problems(view);
    print_queues(&o->depths);
    print_members(o);
    print_numbers(o);
    if (view->watched) {
        print_rate("events in", view->rates.accepted, "refused", view->rates.refused);
        print_rate("events stored", view->rates.stored, "dead", view->rates.dead);
    }
    if (o->asks_workers) {
        print_oldest(o);
        print_replicas("workers ready", &o->workers);
    }
    if (o->asks_gateways) {
        print_replicas("gateways ready", &o->gateways);
        print_sources(&o->totals);
    }
}

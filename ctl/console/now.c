/* SPDX-License-Identifier: MIT */
#include "now.h"

#include "clock.h"
#include "ctl/overview/problems.h"
#include "ctl/overview/servers.h"
#include "plot.h"
#include "runbook.h"
#include "secret.h"
#include "topology.h"
#include "watcher.h"

#include <inttypes.h>

#define RECENT_US (300 * CLOCK_US_PER_S)
#define RATE_US \
    (30 * CLOCK_US_PER_S) /* a rate is that of so many seconds: single events then don't make spikes */

/* --- problems --------------------------------------------------------------- */

/* Read out when it changes, so without ages, which always change. */
static void write_summary(struct buf *body, const struct watched *w, const struct problem *problems,
                          size_t count)
{
    bool asked = w->overview.error_count == 0 && w->overview.database.max_connections != OVERVIEW_UNKNOWN;

    buf_append_text(body, "<p id=\"summary\" data-refresh=\"5\" aria-live=\"polite\">");
    if (w->history.count == 0) {
        buf_append_text(body, "The first look is not over yet.");
    } else if (count > 0) {
        html_print(body, "%zu known: ", count);
        for (size_t i = 0; i < count; i++) {
            html_print(body, "%s%s", i == 0 ? "" : ", ", problems[i].name);
        }
    } else if (asked) {
        buf_append_text(body, "<span class=\"good\">No problem is known.</span>");
    } else {
        buf_append_text(body, "Not everything could be asked.");
    }
    buf_append_text(body, "</p>\n");
}

static void write_problems(struct page *page, const struct watched *w)
{
    struct problem problems[PROBLEMS_MAX];
    size_t count = problems_find(problems, &w->overview, history_since(&w->history, RECENT_US));
    const struct overview *o = &w->overview;
    struct buf *body = &page->body;

    buf_append_text(body, "<h2>Problems</h2>\n");
    write_summary(body, w, problems, count);
    buf_append_text(body, "<div id=\"problems\" data-refresh=\"5\">\n");
    for (size_t i = 0; i < count; i++) {
        html_print(body, "<p class=\"problem\">%s. ", problems[i].words);
        html_print(body, "<a href=\"%s" RUNBOOK_PATH "#%s\">What to do (%s)</a></p>\n",
                   page->settings->prefix, problems[i].anchor, problems[i].name);
    }
    if (w->history.count > 0 && (!o->asks_gateways || !o->asks_workers)) {
        html_print(body, "<p>Not asked: %s.</p>\n",
                   o->asks_gateways  ? "workers (WORKER_ADMINS isn't set)"
                   : o->asks_workers ? "gateways (GATEWAY_ADMINS isn't set)"
                                     : "gateways and workers (GATEWAY_ADMINS and WORKER_ADMINS aren't set)");
    }
    for (size_t i = 0; i < o->error_count; i++) {
        struct buf text = {0};

        buf_append_text(&text, o->errors[i].text);
        secret_redact(&text, 0);
        html_print(body, "<p class=\"problem\">%s</p>\n", buf_text(&text));
        buf_free(&text);
    }
    buf_append_text(body, "</div>\n");
}

/* --- numbers ---------------------------------------------------------------- */

static void append_count(struct buf *out, int64_t count)
{
    if (count == OVERVIEW_UNKNOWN) {
        buf_append_text(out, "unknown");
    } else {
        buf_printf(out, "%" PRId64, count);
    }
}

static void append_rate(struct buf *out, double rate)
{
    if (rate < 0) {
        buf_append_text(out, "unknown");
    } else {
        buf_printf(out, "%.1f/s", rate);
    }
}

static void write_rates(struct buf *body, const struct watched *w)
{
    const struct history *h = &w->history;
    struct rates rates = history_rates(history_since(h, RATE_US), history_at(h, h->count - 1));

    buf_append_text(body, "<dt>Events in</dt><dd>");
    append_rate(body, rates.accepted);
    buf_append_text(body, " accepted, ");
    append_rate(body, rates.refused);
    buf_append_text(body, " refused</dd>\n<dt>Events out</dt><dd>");
    append_rate(body, rates.stored);
    buf_append_text(body, " stored, ");
    append_rate(body, rates.dead);
    buf_append_text(body, " dead</dd>\n");
}

static void write_queues(struct buf *body, const struct overview *o)
{
    struct queue_depth ingest;
    bool known = overview_ingest(o, &ingest);
    const struct queue_depth *dead = overview_queue(o, TOPOLOGY_DEAD);

    buf_append_text(body, "<dt>Queue</dt><dd>");
    append_count(body, known ? (int64_t)ingest.ready : OVERVIEW_UNKNOWN);
    buf_append_text(body, " ready; workers hold ");
    append_count(body, o->asks_workers ? (int64_t)o->totals.unacked : OVERVIEW_UNKNOWN);
    buf_append_text(body, "</dd>\n<dt>Oldest event</dt><dd>");
    if (o->totals.oldest_event_s > 0) {
        buf_printf(body, "%.0f s old", (double)o->at_us / CLOCK_US_PER_S - o->totals.oldest_event_s);
    } else {
        buf_append_text(body, o->asks_workers ? "none is held" : "unknown");
    }
    buf_append_text(body, "</dd>\n<dt>Dead letters</dt><dd>");
    append_count(body, o->database.dead);
    buf_append_text(body, " (by Postgres' statistics); given up by the broker: ");
    append_count(body, dead == NULL || !dead->there ? OVERVIEW_UNKNOWN : (int64_t)dead->ready);
    buf_append_text(body, "</dd>\n");
}

static void write_numbers(struct page *page, const struct watched *w)
{
    const struct overview *o = &w->overview;
    struct buf *body = &page->body;

    buf_append_text(body, "<section id=\"numbers\" data-refresh=\"5\">\n<h2>Numbers</h2>\n<dl>\n");
    write_rates(body, w);
    write_queues(body, o);
    buf_append_text(body, "<dt>Connections</dt><dd>");
    append_count(body, o->database.held);
    buf_append_text(body, " of a budget of ");
    append_count(body, o->database.budget);
    buf_append_text(body, ", of max_connections ");
    append_count(body, o->database.max_connections);
    buf_append_text(body, "</dd>\n<dt>Workers</dt><dd>");
    append_count(body, o->worker_count);
    buf_append_text(body, ", on standby ");
    append_count(body, o->standby);
    buf_append_text(body, "</dd>\n</dl>\n</section>\n");
}

/* --- plots ------------------------------------------------------------------ */

enum series { SERIES_IN, SERIES_OUT, SERIES_QUEUE };

static double value_of(const struct history *h, size_t rank, enum series series)
{
    const struct reading *now = history_at(h, rank);
    struct rates rates = history_rates(rank == 0 ? NULL : history_at(h, rank - 1), now);

    switch (series) {
    case SERIES_IN:
        return rates.accepted;
    case SERIES_OUT:
        return rates.stored;
    case SERIES_QUEUE:
        return now->queue == OVERVIEW_UNKNOWN ? -1 : (double)now->queue;
    }
    return -1;
}

static void write_plot(struct buf *body, const struct history *h, const char *title, const char *unit,
                       enum series series)
{
    static const size_t most = HISTORY_MAX;
    struct plot_point points[HISTORY_MAX];
    int64_t to_us = history_at(h, h->count - 1)->at_us;
    size_t count = 0;

    for (size_t rank = 0; rank < h->count && count < most; rank++) {
        if (history_at(h, rank)->at_us >= to_us - HISTORY_US) {
            points[count++] = (struct plot_point){history_at(h, rank)->at_us, value_of(h, rank, series)};
        }
    }
    plot_append(body, title, unit, points, count, to_us - HISTORY_US, to_us);
}

static void write_plots(struct page *page, const struct watched *w)
{
    struct buf *body = &page->body;

    buf_append_text(body, "<section id=\"plots\" data-refresh=\"5\">\n<h2>The last 15 minutes</h2>\n"
                          "<div class=\"plots\">\n");
    write_plot(body, &w->history, "Accepted events", "/s", SERIES_IN);
    write_plot(body, &w->history, "Stored events", "/s", SERIES_OUT);
    write_plot(body, &w->history, "Queue", "", SERIES_QUEUE);
    buf_append_text(body, "</div>\n</section>\n");
}

/* --- replicas and sources ----------------------------------------------------- */

static void write_replica_rows(struct buf *body, const char *program, const struct replicas *replicas)
{
    for (size_t i = 0; i < replicas->count; i++) {
        const struct replica *r = &replicas->list[i];

        html_print(body, "<tr><th scope=\"row\">%s</th><td>%s</td><td>%s%s</td></tr>\n", program, r->address,
                   r->answered ? "" : "doesn't answer: ", r->state);
    }
}

static void write_replicas(struct page *page, const struct overview *o)
{
    static const char *const heads[] = {"program", "admin port", "state", NULL};

    buf_append_text(&page->body, "<section id=\"programs\" data-refresh=\"10\">\n<h2>Programs</h2>\n");
    page_table_begin(page, "Gateways and workers", heads);
    write_replica_rows(&page->body, "gateway", &o->gateways);
    write_replica_rows(&page->body, "worker", &o->workers);
    page_table_end(page);
    buf_append_text(&page->body, "</section>\n");
}

static void append_moment(struct buf *out, double at_s)
{
    struct buf text = {0};

    buf_append_text(out, "<td class=\"time\">");
    if (at_s == 0) {
        buf_append_text(out, "none is known");
    } else {
        clock_append(&text, (int64_t)at_s * CLOCK_US_PER_S);
        buf_append(out, buf_text(&text), text.len > 8 ? text.len - 8 : 0); /* without the fraction */
        buf_append_char(out, 'Z');
    }
    buf_append_text(out, "</td>");
    buf_free(&text);
}

static void write_sources(struct page *page, const struct totals *totals)
{
    static const char *const heads[] = {
        "source", "accepted", "last accepted (UTC)", "refused", "last refused (UTC)", "cause", NULL};

    buf_append_text(&page->body, "<section id=\"sources\" data-refresh=\"10\">\n<h2>Sources</h2>\n");
    page_table_begin(page, "Requests since the gateways' start", heads);
    for (size_t i = 0; i < totals->source_count; i++) {
        const struct source_totals *s = &totals->sources[i];

        html_print(&page->body, "<tr><th scope=\"row\">%s</th>", s->name);
        buf_printf(&page->body, "<td class=\"number\">%.0f</td>", s->accepted);
        append_moment(&page->body, s->last_accepted_s);
        buf_printf(&page->body, "<td class=\"number\">%.0f</td>", s->refused);
        append_moment(&page->body, s->last_refused_s);
        html_print(&page->body, "<td>%s</td></tr>\n", s->cause[0] == '\0' ? "none" : s->cause);
    }
    page_table_end(page);
    buf_append_text(&page->body, "</section>\n");
}

/* The database is asked before the watcher is held, which never waits for it. */
static struct overview_database ask_database(struct page *page)
{
    const struct overview_options options = {.subcommand = "console"};
    struct overview_database numbers = SERVERS_UNKNOWN_DATABASE;
    struct error error = {0};

    if (page_database(page) != NULL &&
        servers_ask_database(&numbers, page->connection, &page->settings->status, &options, &error) !=
            ERROR_NONE) {
        page_problem(page, &error);
    }
    page->status = 200; /* the rest of the page is right */
    return numbers;
}

void now_write(struct page *page)
{
    struct overview_database numbers;
    struct watched *w;

    buf_append_text(&page->body, "<div id=\"database\" data-refresh=\"5\" aria-live=\"polite\">\n");
    numbers = ask_database(page);
    buf_append_text(&page->body, "</div>\n");
    w = watcher_hold();
    w->overview.database = numbers;
    write_problems(page, w);
    if (w->history.count > 0) {
        write_numbers(page, w);
        write_plots(page, w);
        write_sources(page, &w->overview.totals);
        write_replicas(page, &w->overview);
    }
    watcher_release();
}

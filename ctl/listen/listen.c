/* SPDX-License-Identifier: MIT */
#include "backoff.h"
#include "bundle.h"
#include "clock.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "envelope.h"
#include "forward.h"
#include "show.h"
#include "signals.h"
#include "tail.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#define NAME "listen"
#define TURN_MS 2000 /* the longest time between two heartbeat checks */

struct listen {
    const struct broker_access *access;
    struct option_texts sources;
    const char *forward; /* NULL: nothing is forwarded */
    int64_t timeout_us, most;
    bool json;
    struct http *http;
    struct tail tail;
    int64_t received, forwarded, failed, unreadable;
    bool was_full;
};

static const struct option_rule rules[] = {
    {"--source", OPTION_TEXTS, offsetof(struct listen, sources), "SOURCE",
     "only this source's events; may be given more than once", 0, 0},
    {"--forward", OPTION_TEXT, offsetof(struct listen, forward), "URL",
     "send each event to this http:// or https:// URL, once. A URL without a\n"
     "path gets the path and query of the event; one with a path, or \"/\",\n"
     "gets all events there",
     0, 0},
    {"--timeout", OPTION_DURATION, offsetof(struct listen, timeout_us), "TIME",
     "how long to wait for the reply of --forward, 1s to 10min (30s)", CLOCK_US_PER_S, 600 * CLOCK_US_PER_S},
    {"--count", OPTION_NUMBER, offsetof(struct listen, most), "N", "end after N events", 1, INT64_MAX},
    {"--json", OPTION_FLAG, offsetof(struct listen, json), NULL,
     "one JSON object per event, with query, headers and body", 0, 0},
    OPTION_END,
};

/* While a request waits for its reply, the broker's connection must be served. False: a signal came. */
static bool serve_broker(void *context)
{
    struct listen *l = context;

    tail_read(&l->tail);
    return !signals_drain_requested();
}

static bool is_over(const struct listen *l)
{
    return signals_drain_requested() || ferror(stdout) != 0 || (l->most > 0 && l->received >= l->most);
}

static void tell_unreadable(struct listen *l, struct span body, const struct error *error)
{
    l->unreadable++;
    report_problem(NAME, "a message of %zu bytes is not shown: %s", body.len, error->text);
}

static void handle_event(struct listen *l, struct span properties, struct span body)
{
    struct envelope e;
    struct error error;
    struct forward_result result;

    l->received++;
    if (envelope_decode(properties, &e, &error) != ERROR_NONE) {
        tell_unreadable(l, body, &error);
        return;
    }
    if (!l->json) {
        show_event(&e, body);
    }
    if (l->forward != NULL) {
        forward_event(l->http, l->forward, &e, body, &result);
        l->forwarded += result.delivered;
        l->failed += !result.delivered;
    }
    if (l->json) {
        show_json(NAME, &e, body, l->forward == NULL ? NULL : &result);
    } else if (l->forward != NULL) {
        show_result(&result);
    }
}

static void handle(struct listen *l, const struct broker_delivery *d)
{
    struct bundle bundle;
    struct span properties, body;
    struct error error;

    if (!bundle_is(d->properties)) {
        handle_event(l, d->properties, d->body);
    } else if (bundle_open(&bundle, d->properties, d->body, &error) != ERROR_NONE) {
        l->received++;
        tell_unreadable(l, d->body, &error);
    } else {
        while (!is_over(l) && bundle_next(&bundle, &properties, &body)) {
            handle_event(l, properties, body);
        }
    }
}

/* Waits until the broker or a signal has something for us. fd: -1 for the signal only. */
static void wait_for(int fd, int64_t wait_us)
{
    struct pollfd fds[] = {{.fd = signals_drain_fd(), .events = POLLIN}, {.fd = fd, .events = POLLIN}};

    (void)poll(fds, 2, (int)(wait_us / CLOCK_US_PER_MS));
}

static void note_full(struct listen *l)
{
    if (tail_is_full(&l->tail)) {
        if (!l->was_full) {
            report_problem(
                NAME,
                "events arrive faster than they are shown or forwarded: the queue is full, and the "
                "broker drops the oldest of %d",
                TOPOLOGY_LISTEN_LENGTH);
        }
        l->was_full = true;
    }
}

/* Until the end is wanted or the connection is lost. */
static void listen_on(struct listen *l)
{
    while (!is_over(l)) {
        const struct broker_delivery *delivery;

        tail_read(&l->tail);
        delivery = tail_first(&l->tail);
        if (delivery != NULL) {
            handle(l, delivery);
            note_full(l); /* before the ack, which makes room */
            tail_done(&l->tail);
        } else if (l->tail.lost) {
            return;
        } else {
            wait_for(broker_fd(l->tail.broker), TURN_MS * CLOCK_US_PER_MS);
        }
    }
}

static void say_listening(const struct listen *l)
{
    struct buf sources = {0};

    for (size_t i = 0; i < l->sources.count; i++) {
        buf_printf(&sources, "%s%s", i == 0 ? "" : ", ", l->sources.values[i]);
    }
    report_problem(NAME, "listening for events of %s at %s",
                   l->sources.count == 0 ? "all sources" : buf_text(&sources), broker_node(l->tail.broker));
    buf_free(&sources);
}

/* Connects, for the first time or again. A permanent error ends it, and so does the first attempt's failure:
 * whoever typed the command sees it at once. */
static enum error_code listen_always(struct listen *l, struct error *error)
{
    struct backoff backoff = {.base_us = CLOCK_US_PER_S / 2, .cap_us = 15 * CLOCK_US_PER_S};
    bool connected = false;
    enum error_code code = ERROR_NONE;

    while (!is_over(l)) {
        code = tail_open(&l->tail, l->access, &l->sources, error);
        if (code == ERROR_NONE) {
            connected = true;
            backoff_reset(&backoff);
            say_listening(l);
            listen_on(l);
            *error = l->tail.why;
        }
        tail_close(&l->tail);
        if (is_over(l)) {
            return ERROR_NONE;
        }
        if (code != ERROR_NONE && (!connected || error_class(code) != ERROR_CLASS_RETRYABLE)) {
            return code;
        }
        report_problem(NAME, "%s; connecting again, and what arrives until then is not shown", error->text);
        wait_for(-1, backoff_next(&backoff, backoff_random()));
    }
    return ERROR_NONE;
}

static void say_end(const struct listen *l)
{
    struct buf more = {0};

    if (l->forward != NULL) {
        buf_printf(&more, ", forwarded %" PRId64 ", failed %" PRId64, l->forwarded, l->failed);
    }
    if (l->unreadable > 0) {
        buf_printf(&more, ", unreadable %" PRId64, l->unreadable);
    }
    report_problem(NAME, "ended: received %" PRId64 "%s%s", l->received, buf_text(&more),
                   l->was_full ? "; the broker has probably dropped others, and doesn't say how many" : "");
    buf_free(&more);
}

static enum exit_code run_listen(struct listen *l)
{
    const struct http_options http = {.url = l->forward,
                                      .schemes = "http,https",
                                      .total_ms = (long)(l->timeout_us / CLOCK_US_PER_MS),
                                      .go_on = serve_broker,
                                      .context = l};
    struct error error = {0};
    enum error_code code = signals_install_drain(&error);

    if (code == ERROR_NONE) {
        code = broker_check(l->access, &error);
    }
    if (code == ERROR_NONE && l->forward != NULL) {
        code = http_open(&l->http, &http, &error);
    }
    if (code == ERROR_NONE) {
        code = listen_always(l, &error);
    }
    http_close(l->http);
    if (code != ERROR_NONE && l->received == 0) {
        return report_error(NAME, &error);
    }
    say_end(l);
    if (code != ERROR_NONE) {
        return report_error(NAME, &error);
    }
    return l->failed > 0 ? EXIT_NO : EXIT_DONE;
}

static bool options_good(const struct listen *l)
{
    for (size_t i = 0; i < l->sources.count; i++) {
        if (!envelope_source_valid(span_of(l->sources.values[i]))) {
            report_problem(NAME, "--source %s: a source is a-z, 0-9 and -, at most %d characters",
                           l->sources.values[i], ENVELOPE_SOURCE_MAX);
            return false;
        }
    }
    if (l->forward != NULL && !forward_url_valid(l->forward)) {
        report_problem(NAME, "--forward %s: it must be http://HOST... or https://HOST...", l->forward);
        return false;
    }
    return true;
}

static enum exit_code run(const void *any_settings, int count, char **arguments)
{
    const struct listen_settings *settings = any_settings;
    struct listen l = {.access = &settings->broker, .timeout_us = 30 * CLOCK_US_PER_S};

    if (!options_read(NAME, rules, &l, count, arguments) || !options_good(&l)) {
        return EXIT_USAGE;
    }
    return run_listen(&l);
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "[--source SOURCE]... [--forward URL [--timeout TIME]] [--count N] [--json]",
    .summary = "show events as they arrive; forward them to a program under development",
    .help =
        "Shows each event that the gateway accepts from now on, also those that no worker has stored\n"
        "yet: time, source, id, method, path, size. It takes nothing from the workers: it has a queue of\n"
        "its own, which the broker deletes when the command ends, however it ends. The queue keeps at\n"
        "most 1000 messages and 16 MiB; above that the broker drops the oldest ones. --forward sends\n"
        "method, kept headers and body byte for byte, and prints the reply's status. Signatures and\n"
        "tokens aren't kept, so the program must not demand them. When the broker is lost, it connects\n"
        "again; what arrives meanwhile is not shown. SIGINT and SIGTERM end it.\n",
    .options = rules,
    .notes = "Exit code 1 when an event could not be forwarded or got another status than 2xx; 69 when the\n"
             "broker can't be reached at the start; 78 when it refuses user or password.\n",
    .settings = settings_listen,
    .run = run,
};

SUBCOMMAND_REGISTER(command);

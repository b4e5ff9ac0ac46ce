/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "daemon.h"
#include "gateway/event/accept.h"
#include "gateway/event/event_lines.h"
#include "gateway/http/certificate.h"
#include "gateway/http/handler.h"
#include "gateway/http/server.h"
#include "gateway/http/slow_senders.h"
#include "gateway/publish/publisher.h"
#include "gateway/publish/publishers.h"
#include "gateway/sources/routes_file.h"
#include "load.h"
#include "log.h"
#include "metrics.h"
#include "regular_file.h"
#include "reply.h"
#include "settings.h"
#include "signals.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>

#define DESCRIPTORS_SPARE 256 /* in addition to one per thread: queued connections, broker, admin, log */
#define DRAIN_LOOK_MS 10
#define SUM_UP_MS 1000
#define IDLE_CONNECTIONS_US (2500 * CLOCK_US_PER_MS)
#define ACCEPTED_LAST_US \
    (100 * CLOCK_US_PER_MS) /* for a thread to pick up a connection that was accepted before */

/* Ensures enough file descriptors: accept() would spin without them. */
static enum error_code raise_descriptors(const struct gateway_settings *settings, struct error *error)
{
    rlim_t needed = (rlim_t)settings->threads + DESCRIPTORS_SPARE;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return error_set(error, ERROR_SYSTEM, "getrlimit: %s", strerror(errno));
    }
    if (limit.rlim_cur >= needed) {
        return ERROR_NONE;
    }
    limit.rlim_cur = needed;
    if (limit.rlim_max < needed || setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return error_set(
            error, ERROR_SETTING,
            "GATEWAY_THREADS=%lld needs %lld file descriptors, and the hard limit is %lld: raise "
            "it (ulimit -n) or lower the setting",
            (long long)settings->threads, (long long)needed, (long long)limit.rlim_max);
    }
    return ERROR_NONE;
}

/* Lame duck: serves requests as before, but with `Connection: close`, until the load balancer has seen on
 * /ready that it must send no more. */
static void be_lame_duck(struct load *load, int64_t lame_duck_us)
{
    int64_t until = clock_monotonic_us() + lame_duck_us, left = lame_duck_us;

    load_lame_duck(load);
    log_info("lame-duck", log_number("ms", lame_duck_us / CLOCK_US_PER_MS),
             log_number("connections", atomic_load(&load->connections)));
    while (left > 0) {
        (void)poll(NULL, 0, (int)(left / CLOCK_US_PER_MS) + 1);
        left = until - clock_monotonic_us();
    }
}

/* Waits until no request is running and either no connection is open or idle_us has passed; at most until
 * until_us. */
static void wait_for_requests(struct load *load, int64_t idle_us, int64_t until_us)
{
    int64_t begun = clock_monotonic_us(), now = begun;

    while (now < until_us && (atomic_load(&load->requests) > 0 ||
                              (atomic_load(&load->connections) > 0 && now - begun < idle_us))) {
        (void)poll(NULL, 0, DRAIN_LOOK_MS);
        now = clock_monotonic_us();
    }
}

/* Drains: new requests get 503 and a close, running requests get their replies. An idle connection may still
 * send a request, which is answered. */
static void drain(struct load *load, struct server *server, int64_t drain_us)
{
    int64_t begun = clock_monotonic_us(), until = begun + drain_us;

    log_info("draining", log_number("requests", atomic_load(&load->requests)),
             log_number("connections", atomic_load(&load->connections)));
    load_drain(load);
    wait_for_requests(load, IDLE_CONNECTIONS_US, until);
    server_stop_accepting(server);
    wait_for_requests(load, ACCEPTED_LAST_US, until);
    log_info("drained", log_number("requests_cut", atomic_load(&load->requests)),
             log_number("ms", (clock_monotonic_us() - begun) / CLOCK_US_PER_MS));
}

static struct metric metrics[] = {
    {"sluice_gateway_reloads_total", "outcome=\"done\"", "Reloads, by SIGHUP or because a file has changed.",
     METRIC_COUNTER, 0},
    {"sluice_gateway_reloads_total", "outcome=\"refused\"", NULL, METRIC_COUNTER, 0},
};

/* The files that were read last: routes, secrets, certificate, key. Main thread. */
static struct watched_files watched;

/* What a reload needs. */
struct running {
    struct load *load;
    const struct gateway_settings *settings;
    const char *name;
    struct certificate *certificate; /* NULL: none */
    struct publishers *publishers;
};

static bool bodies_fit(const struct routes *routes, const struct gateway_settings *settings,
                       const char *label, struct buf *complaints)
{
    bool fit = true;

    for (size_t i = 0; i < routes->count; i++) {
        const struct source *source = &routes->sources[i];

        if (source->max_body > settings->body_memory) {
            buf_printf(
                complaints,
                "%s: source %.*s: max_body of %lld bytes is more than GATEWAY_BODY_MEMORY=%lld: no such body "
                "could ever be accepted\n",
                label, (int)source->name.len, source->name.data, (long long)source->max_body,
                (long long)settings->body_memory);
            fit = false;
        }
    }
    return fit;
}

static void reserve_largest_body(struct load *load, const struct routes *routes)
{
    int64_t largest = 0;

    for (size_t i = 0; i < routes->count; i++) {
        largest = routes->sources[i].max_body > largest ? routes->sources[i].max_body : largest;
    }
    body_memory_reserve(&load->bodies, (size_t)largest);
}

/* Reads the routes file, or makes the default table when none is set. NULL after complaints. */
static struct routes *read_routes(const struct gateway_settings *settings, struct buf *complaints)
{
    struct routes_options options = {
        .file = settings->routes,
        .secrets = true,
        .max_body = settings->max_body,
        .delay_us = settings->delay_us,
        .files = &watched,
    };
    struct routes *routes;
    struct buf label = {0};

    watched_files_forget(&watched);
    watched_files_add(&watched, settings->cert);
    watched_files_add(&watched, settings->key);
    if (settings->routes[0] == '\0') {
        routes = source_default(settings->delay_us, settings->max_body);
        if (routes == NULL) {
            buf_append_text(complaints, "no memory for the source default\n");
        }
        return routes;
    }
    buf_printf(&label, "GATEWAY_ROUTES=%s", settings->routes);
    options.label = buf_text(&label);
    routes = routes_read(&options, complaints);
    if (routes != NULL && !bodies_fit(routes, settings, options.label, complaints)) {
        source_release(routes);
        routes = NULL;
    }
    buf_free(&label);
    return routes;
}

static void log_complaints(struct buf *complaints)
{
    char *rest = NULL, *text = complaints->data;

    (void)buf_text(complaints);
    for (char *line = text == NULL ? NULL : strtok_r(complaints->data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        log_error("not-reloaded", log_text("reason", line));
    }
}

/* Without this OpenSSL would wait for the writer of a pipe. */
static enum error_code check_key_files(const struct gateway_settings *settings, struct error *error)
{
    enum error_code code = regular_file_check("GATEWAY_CERT", settings->cert, error);

    return code == ERROR_NONE ? regular_file_check("GATEWAY_KEY", settings->key, error) : code;
}

/* Reloads routes and certificate, or changes nothing and returns false after complaints. */
static bool reload_all(const struct running *r, struct buf *complaints)
{
    struct routes *routes = read_routes(r->settings, complaints), *before;
    struct error error = {.text = ""};
    enum error_code code = ERROR_NONE;

    if (routes == NULL) {
        return false;
    }
    before = source_hold();
    code = delays_probe(&routes->delays, &before->delays, &r->settings->broker, r->name, &error);
    source_release(before);
    if (code == ERROR_NONE) {
        code = check_key_files(r->settings, &error);
    }
    if (code == ERROR_NONE && r->certificate != NULL) {
        code = certificate_reload(r->certificate, &error);
    }
    if (code != ERROR_NONE) {
        buf_printf(complaints, "%s\n", error.text);
        source_release(routes);
        return false;
    }
    publishers_require(r->publishers, &routes->delays);
    source_install(routes); /* only this thread installs, so `routes` stays valid below */
    reserve_largest_body(r->load, routes);
    log_info("reloaded", log_number("certificates", r->certificate != NULL),
             log_number("sources", (int64_t)routes->count));
    source_announce(routes);
    return true;
}

/* On an error the old routes and certificate stay in force. */
static void reload(const struct running *running)
{
    struct buf complaints = {0};

    if (reload_all(running, &complaints)) {
        metric_add(&metrics[0], 1);
    } else {
        log_complaints(&complaints);
        metric_add(&metrics[1], 1);
    }
    buf_free(&complaints);
}

static void wait_for_drain(const struct running *running)
{
    struct pollfd asked[] = {{.fd = signals_drain_fd(), .events = POLLIN},
                             {.fd = signals_reload_fd(), .events = POLLIN}};

    bool watches = strcmp(running->settings->reload, "change") == 0;

    event_lines_sum_up(); /* begins the first interval */
    while (!signals_drain_requested()) {
        (void)poll(asked, 2, SUM_UP_MS);
        event_lines_sum_up();
        if (signals_take_reload() || (watches && watched_files_changed(&watched))) {
            reload(running);
        }
    }
}

static enum error_code serve(const struct gateway_settings *settings, struct admin *admin, const char *name,
                             struct error *error)
{
    struct load load = {.threads = (int)settings->threads,
                        .in_flight_max = (int)settings->in_flight,
                        .bodies = {.most = settings->body_memory}};
    struct server *server = NULL;
    struct publishers *publishers = NULL;
    struct certificate *certificate = NULL;
    enum error_code code = ERROR_NONE;

    struct routes *routes = source_hold();
    const struct publishers_options options = {
        .access = &settings->broker,
        .name = name,
        .publishers = (int)settings->publishers,
        .bundle_events = (size_t)settings->bundle_events,
        .confirm_timeout_us = settings->confirm_timeout_us,
        .max_age_us = settings->broker_max_age_us,
        .delays = routes->delays,
        .admin = admin,
    };
    reserve_largest_body(&load, routes);
    code = check_key_files(settings, error);
    if (code == ERROR_NONE && settings->cert[0] != '\0') {
        code = certificate_open(&certificate, settings->cert, settings->key, error);
    }
    if (code == ERROR_NONE) {
        code = publishers_start(&publishers, &options, error);
    }
    if (code == ERROR_NONE) {
        code = server_start(&server, settings, publishers, &load, certificate, error);
    }
    if (code == ERROR_NONE) {
        source_announce(routes);
    }
    source_release(routes); /* a reload frees it */
    if (code == ERROR_NONE) {
        const struct running running = {&load, settings, name, certificate, publishers};

        wait_for_drain(&running);
        publishers_drain(publishers);
        be_lame_duck(&load, settings->lame_duck_us);
        drain(&load, server, settings->drain_us);
    }
    server_stop(server);
    publishers_stop(publishers);
    event_lines_sum_up();
    certificate_close(certificate);
    watched_files_forget(&watched);
    return code;
}

static void register_metrics(void)
{
    reply_register();
    handler_register();
    accept_register();
    source_register();
    load_register();
    publisher_register();
    slow_senders_register();
    certificate_register();
    metrics_register(metrics, sizeof metrics / sizeof metrics[0]);
}

/* Reads the routes with the settings, so that all errors are reported at once. */
static enum error_code check(const void *any_settings, struct buf *complaints)
{
    const struct gateway_settings *settings = any_settings;
    enum error_code code = gateway_settings_check(settings, complaints);
    struct routes *routes = read_routes(settings, complaints);

    if (routes == NULL) {
        return ERROR_SETTING;
    }
    source_install(routes);
    return code;
}

static enum exit_code run(const void *settings, struct admin *admin, const char *name)
{
    struct error error;

    if (raise_descriptors(settings, &error) != ERROR_NONE ||
        serve(settings, admin, name, &error) != ERROR_NONE) {
        log_error("not-started", log_text("reason", error.text));
        return EXIT_SETTINGS;
    }
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    static struct gateway_settings settings;
    const struct daemon daemon = {
        .program = "sluice-gateway",
        .summary = "Receives webhooks over HTTP and replies 200 once RabbitMQ has confirmed them.\n",
        .table = gateway_settings_table,
        .settings = &settings,
        .log_level = &settings.log_level,
        .log_format = &settings.log_format,
        .log_messages = &settings.log_messages,
        .admin = &settings.admin,
        .core_dumps = &settings.core_dumps,
        .check = check,
        .register_metrics = register_metrics,
        .prepare = signals_install_reload,
        .run = run,
    };

    return daemon_main(&daemon, argc, argv);
}

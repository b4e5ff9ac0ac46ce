/* SPDX-License-Identifier: MIT */
#include "admin.h"
#include "admission.h"
#include "certificate.h"
#include "clock.h"
#include "drain.h"
#include "ingress.h"
#include "log.h"
#include "metrics.h"
#include "publish.h"
#include "reload.h"
#include "reply.h"
#include "route.h"
#include "settings.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DESCRIPTORS_SPARE 256 /* beside one per thread: waiting connections, broker, admin, log */
#define DRAIN_LOOK_MS 10
#define IDLE_CONNECTIONS_US (2500 * CLOCK_US_PER_MS) /* a little longer than idle keep-alive */

static const char usage[] =
    "Usage: sluice-gateway [--help | --version | --print-config | --print-settings]\n"
    "Takes webhooks in by HTTP and answers 200 once RabbitMQ has confirmed them. Settings come\n"
    "from the environment; each may also be given as NAME_FILE, a file that holds it.\n\n";

static int print(struct buf *out)
{
    bool written = !out->failed && fwrite(out->data, 1, out->len, stdout) == out->len && fflush(stdout) == 0;

    buf_free(out);
    return written ? EXIT_DONE : EXIT_BUG;
}

/* accept() without descriptors left would spin. */
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

/* New requests get 503 and a close; those that have begun their replies. Connections that idle
 * are left to expire, so that no sender meets a reset. */
static void drain(struct admission *admission, struct publish *publish, int64_t drain_us)
{
    int64_t begun = clock_monotonic_us(), waited = 0;

    log_info("draining", log_number("requests", atomic_load(&admission->requests)),
             log_number("connections", atomic_load(&admission->connections)));
    publish_drain(publish);
    admission_drain(admission);
    while (waited < drain_us) {
        bool idle = atomic_load(&admission->requests) == 0;

        if (idle && (atomic_load(&admission->connections) == 0 || waited >= IDLE_CONNECTIONS_US)) {
            break;
        }
        (void)poll(NULL, 0, DRAIN_LOOK_MS);
        waited = clock_monotonic_us() - begun;
    }
    log_info("drained", log_number("requests_cut", atomic_load(&admission->requests)),
             log_number("ms", waited / CLOCK_US_PER_MS));
}

static struct metric metrics[] = {
    {"sluice_gateway_reloads_total", "outcome=\"done\"", "Reloads asked for by SIGHUP.", METRIC_COUNTER, 0},
    {"sluice_gateway_reloads_total", "outcome=\"refused\"", NULL, METRIC_COUNTER, 0},
};

/* What can't be used leaves the old in force. */
static void reload(struct certificate *certificate)
{
    struct error error;

    if (certificate == NULL || certificate_reload(certificate, &error) == ERROR_NONE) {
        metric_add(&metrics[0], 1);
        log_info("reloaded", log_number("certificates", certificate != NULL));
    } else {
        metric_add(&metrics[1], 1);
        log_error("not-reloaded", log_text("reason", error.text));
    }
}

static void wait_for_drain(struct certificate *certificate)
{
    struct pollfd asked[] = {{.fd = drain_fd(), .events = POLLIN}, {.fd = reload_fd(), .events = POLLIN}};

    while (!drain_requested()) {
        (void)poll(asked, 2, -1);
        if (reload_take()) {
            reload(certificate);
        }
    }
}

static enum error_code serve(const struct gateway_settings *settings, struct admin *admin,
                             struct error *error)
{
    struct admission admission = {.threads = (int)settings->threads,
                                  .in_flight_max = (int)settings->in_flight};
    struct ingress *ingress = NULL;
    struct publish *publish = NULL;
    struct certificate *certificate = NULL;
    char host[256] = "", name[320];
    enum error_code code = ERROR_NONE;

    (void)gethostname(host, sizeof host - 1);
    (void)snprintf(name, sizeof name, "sluice-gateway %s/%ld", host, (long)getpid());
    const struct publish_options options = {
        .url = settings->broker_url,
        .password = settings->broker_password,
        .tls = {settings->broker_ca, settings->broker_cert, settings->broker_key},
        .name = name,
        .publishers = (int)settings->publishers,
        .confirm_timeout_us = settings->confirm_timeout_us,
        .admin = admin,
    };
    reply_register();
    admission_register();
    metrics_register(metrics, sizeof metrics / sizeof metrics[0]);
    if (settings->cert[0] != '\0') {
        code = certificate_open(&certificate, settings->cert, settings->key, error);
    }
    if (code == ERROR_NONE) {
        code = publish_start(&publish, &options, error);
    }
    if (code == ERROR_NONE) {
        code = ingress_start(&ingress, settings, publish, &admission, certificate, error);
    }
    if (code == ERROR_NONE) {
        route_announce();
        wait_for_drain(certificate);
        drain(&admission, publish, settings->drain_us);
    }
    ingress_stop(ingress);
    publish_stop(publish);
    certificate_close(certificate);
    return code;
}

static void warn_of_insecure_secrets(const struct gateway_settings *settings)
{
    struct buf names = {0};

    if (config_insecure(gateway_settings_table, settings, &names)) {
        log_warning(
            "insecure-secret", log_text("settings", buf_text(&names)),
            log_text("message", "a development secret that everybody knows: make secrets writes real ones"));
    }
    buf_free(&names);
}

static enum exit_code run(const struct gateway_settings *settings)
{
    struct admin *admin = NULL;
    struct error error = {.text = "unknown LOG_LEVEL"};
    enum log_level level;
    enum exit_code result = EXIT_DONE;

    if (!log_level_of(settings->log_level, &level) || drain_install(&error) != ERROR_NONE ||
        reload_install(&error) != ERROR_NONE || log_start(level, &error) != ERROR_NONE) {
        (void)fprintf(stderr, "sluice-gateway: cannot start: %s\n", error.text);
        return EXIT_BUG;
    }
    log_info("starting", log_text("program", "sluice-gateway"), log_text("version", SLUICE_VERSION));
    warn_of_insecure_secrets(settings);
    if (raise_descriptors(settings, &error) != ERROR_NONE ||
        admin_start(&admin, settings->admin, &error) != ERROR_NONE ||
        serve(settings, admin, &error) != ERROR_NONE) {
        log_error("not-started", log_text("reason", error.text));
        result = EXIT_SETTINGS;
    }
    admin_stop(admin);
    log_info("stopped", log_number("status", result));
    log_stop();
    return result;
}

/* Reads the settings and then runs, or prints them. */
static int with_settings(bool print_only)
{
    struct gateway_settings settings = {0};
    struct buf complaints = {0}, out = {0};
    int result = EXIT_SETTINGS;

    if (config_load(gateway_settings_table, &settings, &complaints) != ERROR_NONE ||
        gateway_settings_check(&settings, &complaints) != ERROR_NONE) {
        (void)fprintf(stderr, "%s", buf_text(&complaints));
    } else if (print_only) {
        config_print(gateway_settings_table, &settings, &out);
        result = print(&out);
    } else {
        result = (int)run(&settings);
    }
    buf_free(&complaints);
    config_free(gateway_settings_table, &settings);
    return result;
}

int main(int argc, char **argv)
{
    struct buf out = {0};

    if (argc == 1) {
        return with_settings(false);
    }
    if (argc == 2 && strcmp(argv[1], "--print-config") == 0) {
        return with_settings(true);
    }
    if (argc == 2 && strcmp(argv[1], "--print-settings") == 0) {
        config_table(gateway_settings_table, &out);
        return print(&out);
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        buf_append_text(&out, "sluice-gateway " SLUICE_VERSION "\n");
        return print(&out);
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        buf_append_text(&out, usage);
        config_help(gateway_settings_table, &out);
        return print(&out);
    }
    (void)fprintf(stderr, "sluice-gateway: unknown arguments, from '%s' on; it takes none but one of:\n%s",
                  argv[1], usage);
    return EXIT_USAGE;
}

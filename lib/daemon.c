/* SPDX-License-Identifier: MIT */
#include "daemon.h"

#include "errand.h"
#include "log.h"
#include "log_messages.h"
#include "metrics.h"
#include "process.h"
#include "secret.h"
#include "signals.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME_SIZE 64
#define HOST_SHOWN 32 /* bytes */

static int print(struct buf *out)
{
    bool written = !out->failed && fwrite(out->data, 1, out->len, stdout) == out->len && fflush(stdout) == 0;

    buf_free(out);
    return written ? EXIT_DONE : EXIT_BUG;
}

static void append_usage(const struct daemon *d, struct buf *out)
{
    buf_printf(out,
               "Usage: %s [--help | --version | --print-config | --print-settings | --print-metrics]\n%s",
               d->program, d->summary);
}

static bool wants_cores(const struct daemon *d)
{
    return strcmp(*d->core_dumps, "on") == 0;
}

static void warn_of_cores(const struct daemon *d)
{
    if (wants_cores(d)) {
        log_warning("core-dumps",
                    log_text("message", "CORE_DUMPS=on: a core of this process holds its secrets"));
    }
}

static void warn_of_insecure_secrets(const struct daemon *d)
{
    struct buf names = {0};

    if (config_insecure(d->table, d->settings, &names)) {
        log_warning(
            "insecure-secret", log_text("settings", buf_text(&names)),
            log_text("message",
                     "these are publicly known development secrets; `make secrets` writes real ones"));
    }
    buf_free(&names);
}

/* The admin listener may render them as soon as it is started. */
static void register_metrics(const struct daemon *d)
{
    process_register();
    admin_register();
    log_register();
    d->register_metrics();
}

/* Everything of the log but its writer. */
static enum error_code set_up_log(const struct daemon *d, enum log_level *level, struct error *error)
{
    enum log_format format;
    enum log_messages messages;

    if (!log_level_of(*d->log_level, level) || !log_format_of(*d->log_format, &format) ||
        !log_messages_of(*d->log_messages, &messages)) {
        return error_set(error, ERROR_BUG,
                         "LOG_LEVEL=%s, LOG_FORMAT=%s or LOG_MESSAGES=%s is in the table but not in lib",
                         *d->log_level, *d->log_format, *d->log_messages);
    }
    log_use_format(format);
    log_messages_use(messages);
    return ERROR_NONE;
}

static enum error_code begin(const struct daemon *d, struct error *error)
{
    enum error_code code = signals_install_drain(error);
    enum log_level level = LOG_INFO;

    if (code == ERROR_NONE && d->prepare != NULL) {
        code = d->prepare(error);
    }
    if (code == ERROR_NONE) {
        code = set_up_log(d, &level, error);
    }
    return code == ERROR_NONE ? log_start(level, error) : code;
}

static enum exit_code run(const struct daemon *d)
{
    char host[256] = "", shown[HOST_SHOWN + 1], name[NAME_SIZE];
    struct admin *admin = NULL;
    struct error error;
    enum exit_code result = EXIT_SETTINGS;

    register_metrics(d);
    if (begin(d, &error) != ERROR_NONE) {
        (void)fprintf(stderr, "%s: cannot start: %s\n", d->program, error.text);
        return EXIT_BUG;
    }
    (void)gethostname(host, sizeof host - 1);
    /* Cut the host, not the pid. The name must be valid as Postgres text. */
    (void)text_copy(shown, sizeof shown, span_of(host));
    (void)snprintf(name, sizeof name, "%s %s/%ld", d->program, shown, (long)getpid());
    log_info("starting", log_text("program", d->program), log_text("version", SLUICE_VERSION),
             log_text("name", name));
    warn_of_insecure_secrets(d);
    warn_of_cores(d);
    if (admin_start(&admin, *d->admin, &error) == ERROR_NONE) {
        result = d->run(d->settings, admin, name);
    } else {
        log_error("not-started", log_text("reason", error.text));
    }
    admin_stop(admin);
    log_info("stopped", log_number("status", result));
    log_stop();
    return result;
}

/* Reads the settings, then runs the daemon or prints them. */
static int with_settings(const struct daemon *d, bool print_only)
{
    struct buf complaints = {0}, out = {0};
    int result = EXIT_SETTINGS;

    secret_allow_core(false);
    if (config_load(d->table, d->settings, &complaints) != ERROR_NONE ||
        d->check(d->settings, &complaints) != ERROR_NONE) {
        (void)fprintf(stderr, "%s", buf_text(&complaints));
    } else if (print_only) {
        config_print(d->table, d->settings, &out);
        result = print(&out);
    } else {
        secret_allow_core(wants_cores(d));
        result = (int)run(d);
    }
    buf_free(&complaints);
    config_free(d->table, d->settings);
    return result;
}

int daemon_main(const struct daemon *d, int argc, char **argv)
{
    struct buf out = {0};

    if (argc == 1) {
        errand_exit(with_settings(d, false));
    }
    if (argc == 2 && strcmp(argv[1], "--print-config") == 0) {
        return with_settings(d, true);
    }
    if (argc == 2 && strcmp(argv[1], "--print-settings") == 0) {
        config_table(d->table, &out);
        return print(&out);
    }
    if (argc == 2 && strcmp(argv[1], "--print-metrics") == 0) {
        register_metrics(d);
        metrics_list(&out);
        return print(&out);
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        buf_printf(&out, "%s %s\n", d->program, SLUICE_VERSION);
        return print(&out);
    }
    append_usage(d, &out);
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        buf_append_text(
            &out, "Settings come from the environment. NAME_FILE may be set instead of NAME: the path of a\n"
                  "file that holds the value.\n\n");
        config_help(d->table, &out);
        return print(&out);
    }
    (void)fprintf(stderr, "%s: unknown arguments, starting with '%s'\n%s", d->program, argv[1],
                  buf_text(&out));
    buf_free(&out);
    return EXIT_USAGE;
}

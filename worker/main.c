/* SPDX-License-Identifier: MIT */
#include "admin.h"
#include "drain.h"
#include "log.h"
#include "loop.h"
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "Usage: sluice-worker [--help | --version | --print-config | --print-settings]\n"
    "Takes webhooks from RabbitMQ and upserts them into Postgres. Settings come from the\n"
    "environment; each may also be given as NAME_FILE, a file that holds it.\n\n";

static int print(struct buf *out)
{
    bool written = !out->failed && fwrite(out->data, 1, out->len, stdout) == out->len && fflush(stdout) == 0;

    buf_free(out);
    return written ? EXIT_DONE : EXIT_BUG;
}

static void warn_of_insecure_secrets(const struct worker_settings *settings)
{
    struct buf names = {0};

    if (config_insecure(worker_settings_table, settings, &names)) {
        log_warning(
            "insecure-secret", log_text("settings", buf_text(&names)),
            log_text("message", "a development secret that everybody knows: make secrets writes real ones"));
    }
    buf_free(&names);
}

static enum exit_code run(const struct worker_settings *settings)
{
    char host[256] = "", name[300];
    struct admin *admin = NULL;
    struct error error;
    enum log_level level;
    enum exit_code result = EXIT_SETTINGS;

    (void)gethostname(host, sizeof host - 1);
    /* Postgres cuts an application_name at 63 bytes: the pid must stand before that. */
    (void)snprintf(name, sizeof name, "sluice-worker %.38s/%ld", host, (long)getpid());
    if (!log_level_of(settings->log_level, &level) || drain_install(&error) != ERROR_NONE ||
        log_start(level, &error) != ERROR_NONE) {
        (void)fprintf(stderr, "sluice-worker: %s\n", error.text);
        return EXIT_BUG;
    }
    log_info("starting", log_text("program", "sluice-worker"), log_text("version", SLUICE_VERSION),
             log_text("name", name));
    warn_of_insecure_secrets(settings);
    if (admin_start(&admin, settings->admin, &error) == ERROR_NONE) {
        result = loop_run(settings, admin, name);
    } else {
        log_error("not-started", log_text("reason", error.text));
    }
    admin_stop(admin);
    log_stop();
    return result;
}

/* Reads the settings and then runs, or prints them. */
static int with_settings(bool print_only)
{
    struct worker_settings settings = {0};
    struct buf complaints = {0}, out = {0};
    int result = EXIT_SETTINGS;

    if (config_load(worker_settings_table, &settings, &complaints) != ERROR_NONE ||
        worker_settings_check(&settings, &complaints) != ERROR_NONE) {
        (void)fprintf(stderr, "%s", buf_text(&complaints));
    } else if (print_only) {
        config_print(worker_settings_table, &settings, &out);
        result = print(&out);
    } else {
        result = (int)run(&settings);
    }
    buf_free(&complaints);
    config_free(worker_settings_table, &settings);
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
        config_table(worker_settings_table, &out);
        return print(&out);
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        buf_append_text(&out, "sluice-worker " SLUICE_VERSION "\n");
        return print(&out);
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        buf_append_text(&out, usage);
        config_help(worker_settings_table, &out);
        return print(&out);
    }
    (void)fprintf(stderr, "sluice-worker: unknown arguments, from '%s' on; it takes none but one of:\n%s",
                  argv[1], usage);
    return EXIT_USAGE;
}

/* SPDX-License-Identifier: MIT */
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "listener.h"
#include "log.h"
#include "signals.h"
#include "watcher.h"

#include <poll.h>
#include <string.h>

#define NAME "console"

static const struct option_rule rules[] = {OPTION_END};

/* Checks what no range can express. */
static bool check(const struct console_settings *s)
{
    size_t len = strlen(s->prefix), token = strlen(s->token);

    if (len > 0 &&
        (s->prefix[0] != '/' || s->prefix[len - 1] == '/' ||
         strspn(s->prefix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/") != len ||
         strstr(s->prefix, "//") != NULL)) {
        report_problem(
            NAME,
            "CONSOLE_PREFIX=%s: begin it with / and don't end it so; only letters, digits and -._~/ are "
            "allowed",
            s->prefix);
        return false;
    }
    if (token > 0 && token < CONSOLE_TOKEN_MIN) {
        report_problem(NAME, "CONSOLE_TOKEN has %zu bytes, fewer than %d: make one by openssl rand -hex 16",
                       token, CONSOLE_TOKEN_MIN);
        return false;
    }
    return true;
}

static enum exit_code serve(const struct console_settings *settings)
{
    struct pollfd drain = {.events = POLLIN};
    struct listener *listener = NULL;
    struct error error;
    enum error_code code = signals_install_drain(&error);

    if (code == ERROR_NONE) {
        code = log_start(LOG_INFO, &error);
    }
    if (code == ERROR_NONE) {
        code = watcher_start(&settings->status, &error);
    }
    if (code == ERROR_NONE) {
        code = listener_start(&listener, settings, &error);
    }
    if (code == ERROR_NONE) {
        drain.fd = signals_drain_fd();
        while (!signals_drain_requested()) {
            (void)poll(&drain, 1, -1);
        }
        listener_stop(listener);
    }
    watcher_stop();
    log_stop();
    if (code != ERROR_NONE) {
        (void)report_error(NAME, &error);
        return EXIT_SETTINGS; /* as the daemons: an address that doesn't exist or is taken */
    }
    return EXIT_DONE;
}

static enum exit_code run(const void *settings, int count, char **arguments)
{
    if (!options_read(NAME, rules, NULL, count, arguments)) {
        return EXIT_USAGE;
    }
    return check(settings) ? serve(settings) : EXIT_SETTINGS;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "",
    .summary = "serve pages that show events, sources and the state of everything",
    .help = "Serves pages for a browser on CONSOLE_LISTEN until SIGTERM or Ctrl-C. Whoever reaches that\n"
            "address reads all events: keep it on 127.0.0.1, or behind a proxy that asks who somebody is.\n"
            "Takes at most 2 connections of the database, as a role that may read, never those of the\n"
            "workers. With CONSOLE_TOKEN, who types it can replay and drop dead letters.\n",
    .options = rules,
    .notes = "GET /health answers 200 while it runs.\n",
    .settings = settings_console,
    .run = run,
};

SUBCOMMAND_REGISTER(command);

/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "history.h"
#include "overview.h"
#include "problems.h"
#include "signals.h"
#include "status_view.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NAME "status"
#define RECENT_US (300 * CLOCK_US_PER_S)
#define CLEAR "\033[H\033[2J"

struct status {
    bool json, watch;
    int64_t interval_us;
    struct overview_links links;
    struct overview looks[2]; /* the last one and the one before */
    size_t last;
    struct history history;
};

static const struct option_rule rules[] = {
    {"--json", OPTION_FLAG, offsetof(struct status, json), NULL,
     "as one JSON object; unknown values are null", 0, 0},
    {"--watch", OPTION_FLAG, offsetof(struct status, watch), NULL,
     "again and again, until SIGINT or SIGTERM; with --json, one object per line", 0, 0},
    {"--interval", OPTION_DURATION, offsetof(struct status, interval_us), "TIME",
     "with --watch: the time from one look to the next, 1s to 1h (2s)", CLOCK_US_PER_S,
     3600 * CLOCK_US_PER_S},
    OPTION_END,
};

/* Keeps the worst exit code so far: status shows what it can, even when a server is unreachable. */
static void note(enum exit_code *worst, enum exit_code code)
{
    if (code > *worst) {
        *worst = code;
    }
}

static enum exit_code report_errors(const struct overview *overview)
{
    enum exit_code worst = EXIT_DONE;

    for (size_t i = 0; i < overview->depths.count; i++) {
        if (!overview->depths.queues[i].there) {
            report_problem(NAME,
                           "broker: there is no queue %s; has `sluice setup` been run with these DELAYS and "
                           "QUEUE_SHARDS?",
                           overview->depths.queues[i].name);
            note(&worst, EXIT_NO);
        }
    }
    for (size_t i = 0; i < overview->error_count; i++) {
        note(&worst, report_error(NAME, &overview->errors[i]));
    }
    return worst;
}

/* Asks, and prints one block. */
static enum exit_code look(struct status *status, const struct status_settings *settings)
{
    const struct overview_options options = {.subcommand = NAME, .count_rows = !status->watch};
    const struct overview *before = status->history.count == 0 ? NULL : &status->looks[status->last];
    struct overview *now = &status->looks[1 - status->last];
    struct problem problems[PROBLEMS_MAX];
    struct history *history = &status->history;
    struct status_view view = {.overview = now, .problems = problems, .watched = status->watch};
    enum exit_code worst;

    overview_free(now);
    overview_ask(now, &status->links, settings, &options, before);
    status->last = 1 - status->last;
    history_add(history, now);
    view.problem_count = problems_find(problems, now, history_since(history, RECENT_US));
    view.rates = history_rates(history->count < 2 ? NULL : history_at(history, history->count - 2),
                               history_at(history, history->count - 1));
    if (status->json) {
        status_print_json(&view, NAME);
    } else {
        if (status->watch && isatty(STDOUT_FILENO)) {
            (void)fputs(CLEAR, stdout);
        }
        status_print_text(&view);
        if (status->watch) {
            report_line("%s", "");
        }
    }
    worst = report_errors(now);
    if (problems_in_cluster(now)) {
        note(&worst, EXIT_NO);
    }
    return worst;
}

/* Until a signal, or until nobody reads the output. What could not be asked is shown, and asked again. */
static enum exit_code watch(struct status *status, const struct status_settings *settings)
{
    struct error error = {0};

    if (signals_install_drain(&error) != ERROR_NONE) {
        return report_error(NAME, &error);
    }
    while (!signals_drain_requested() && ferror(stdout) == 0) {
        struct pollfd drain = {.fd = signals_drain_fd(), .events = POLLIN};
        int64_t next_us = clock_monotonic_us() + status->interval_us, left_us;

        (void)look(status, settings);
        left_us = next_us - clock_monotonic_us();
        (void)poll(&drain, 1, left_us <= 0 ? 0 : (int)(left_us / CLOCK_US_PER_MS));
    }
    return EXIT_DONE;
}

static enum exit_code run(const void *settings, int count, char **arguments)
{
    struct status *status = calloc(1, sizeof *status);
    enum exit_code code;

    if (status == NULL) {
        report_problem(NAME, "no memory");
        return EXIT_BUG;
    }
    status->interval_us = 2 * CLOCK_US_PER_S;
    if (!options_read(NAME, rules, status, count, arguments)) {
        code = EXIT_USAGE;
    } else {
        code = status->watch ? watch(status, settings) : look(status, settings);
    }
    overview_leave(&status->links);
    overview_free(&status->looks[0]);
    overview_free(&status->looks[1]);
    free(status);
    return code;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "[--watch [--interval TIME]] [--json]",
    .summary = "show problems, queue depths, rows, dead letters, connections, workers",
    .help =
        "Shows problems first, each with the section of docs/operations.md that says what to do. Then each\n"
        "queue's ready messages (without unacked ones, which a worker holds) and consumers; rows (from a\n"
        "million on, the planner's estimate) and dead letters; the workers' database connections, their\n"
        "budget and max_connections; the number of workers, and how many of them are on standby for a place\n"
        "in the budget. With GATEWAY_ADMINS and WORKER_ADMINS it asks all gateways and workers: which of "
        "them\n"
        "are ready, the oldest event that a worker holds, and when a request of each source was last "
        "accepted\n"
        "and last refused, with the commonest cause of refusals (since the look before, else since the "
        "start).\n"
        "Without WORKER_ADMINS, workers are counted by BROKER_MANAGEMENT_URL, up to 5 s late, if that is "
        "set.\n"
        "Of a broker of several nodes it also shows each queue's leader, and which members are online.\n"
        "--watch also shows the rates since the look before, and takes the numbers of rows and dead letters\n"
        "from Postgres' statistics: it scans no table.\n",
    .options = rules,
    .notes =
        "Exit code 69 when a server is unreachable, 1 when sluice setup has not been run, or when a queue\n"
        "lacks a majority of its members, or has fewer than the broker has nodes (3 at most). In all cases\n"
        "everything else is shown. --watch ends with 0.\n",
    .settings = settings_status,
    .run = run,
};

SUBCOMMAND_REGISTER(command);

/* SPDX-License-Identifier: MIT */
#include "backoff.h"
#include "bodies.h"
#include "clock.h"
#include "ctl/audit.h"
#include "ctl/database.h"
#include "ctl/options.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "old_rows.h"
#include "patient.h"
#include "pause.h"
#include "signals.h"
#include "triggers.h"
#include "turn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME "prune"
#define DAY_US (INT64_C(24) * 3600 * CLOCK_US_PER_S)
#define RETRY_US (60 * CLOCK_US_PER_S) /* the longest wait after a failed run of --every */

struct prune {
    struct sweep sweep;
    int64_t older_us; /* -1: not given */
    int64_t every_us; /* 0: once */
    bool bodies, despite_triggers, dry_run, json;
    int argument_count;
    char **arguments;
};

static enum error_code begin(struct prune *p, struct error *error)
{
    char age[24];
    const char *const parameters[] = {age};
    PGresult *r = NULL;
    enum error_code code = database_run(p->sweep.database, "set timezone = 'UTC';" PATIENT_BOUNDS, error);

    (void)snprintf(age, sizeof age, "%" PRId64, p->older_us);
    if (code == ERROR_NONE) {
        code = database_query(p->sweep.database, &r,
                              "select " RECORD_TIME("now() - $1::bigint * interval '1 microsecond'"), 1,
                              parameters, error);
    }
    if (code == ERROR_NONE) {
        (void)snprintf(p->sweep.before, sizeof p->sweep.before, "%s", PQgetvalue(r, 0, 0));
    }
    PQclear(r);
    return code;
}

/* --- printing ------------------------------------------------------------- */

static void tell_json(const struct prune *p, int64_t rows, int64_t bytes)
{
    static const char *const names[2][2] = {{"pruned", "would_prune"}, {"emptied", "would_empty"}};
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddBoolToObject(object, "dry_run", p->dry_run);
    record_add_count(object, names[p->bodies][p->dry_run], rows);
    if (p->bodies) {
        record_add_count(object, "bytes", bytes);
    }
    (void)cJSON_AddStringToObject(object, "before", p->sweep.before);
    record_add_count(object, "left", p->sweep.left);
    record_print(NAME, object);
}

static void tell(const struct prune *p)
{
    int64_t rows = p->dry_run ? p->sweep.left : p->sweep.rows;
    int64_t bytes = p->dry_run ? p->sweep.left_bytes : p->sweep.bytes;

    if (p->json) {
        tell_json(p, rows, bytes);
    } else if (p->bodies) {
        report_line("%s %" PRId64 " bodies of %" PRId64 " bytes received before %s",
                    p->dry_run ? "would empty" : "emptied", rows, bytes, p->sweep.before);
    } else {
        report_line("%s %" PRId64 " rows received before %s", p->dry_run ? "would prune" : "pruned", rows,
                    p->sweep.before);
    }
}

static void tell_left(const struct prune *p)
{
    const char *again = p->every_us > 0 ? "the next run takes them" : "run it again";

    if (signals_drain_requested()) {
        again = "because the command was interrupted; run it again";
    }
    if (p->sweep.left < 0) {
        report_problem(NAME, "some may be left, %s", again);
    } else if (signals_drain_requested()) {
        report_problem(NAME, "%" PRId64 " are left, %s", p->sweep.left, again);
    } else {
        report_problem(NAME, "%" PRId64 " are left, locked by others; %s", p->sweep.left, again);
    }
}

/* --- one run ---------------------------------------------------------------- */

static enum error_code count_left(struct prune *p, struct error *error)
{
    return p->bodies ? bodies_count(&p->sweep, error) : old_rows_count(&p->sweep, error);
}

static enum error_code change(struct prune *p, struct error *error)
{
    struct audit audit;
    enum error_code code =
        audit_begin(&audit, p->sweep.database, NAME, p->argument_count, p->arguments, error);

    if (code != ERROR_NONE) {
        return code;
    }
    code = p->bodies ? bodies_empty(&p->sweep, error) : old_rows_delete(&p->sweep, error);
    audit_end(&audit, p->sweep.rows, code);
    if (code == ERROR_NONE) {
        code = count_left(p, error);
    }
    tell(p);
    if (code == ERROR_NONE && p->sweep.left != 0) {
        tell_left(p);
    }
    return code;
}

static enum error_code run_connected(struct prune *p, struct error *error)
{
    bool taken = false;
    enum error_code code = begin(p, error);

    if (code == ERROR_NONE && p->bodies && !p->despite_triggers) {
        code = triggers_check(p->sweep.database, error);
    }
    if (code == ERROR_NONE && p->dry_run) {
        code = count_left(p, error);
        if (code == ERROR_NONE) {
            tell(p);
            p->sweep.left = 0;
        }
        return code;
    }
    if (code == ERROR_NONE) {
        code = turn_take(p->sweep.database, p->bodies ? TURN_BODIES : TURN_ROWS, &taken, error);
    }
    return code == ERROR_NONE && taken ? change(p, error) : code;
}

static enum error_code run_once(struct prune *p, const struct owner_settings *settings, struct error *error)
{
    enum error_code code;

    p->sweep = (struct sweep){.source = p->sweep.source};
    code = database_open(&p->sweep.database, DATABASE_WRITES, settings->database_url,
                         settings->database_password, NAME, error);
    if (code == ERROR_NONE) {
        code = run_connected(p, error);
    }
    PQfinish(p->sweep.database);
    return code;
}

/* Runs again and again until a drain is requested, whatever happens: somebody who reads the log may repair
 * it. Between two runs it holds neither a connection nor the lock. */
static void run_always(struct prune *p, const struct owner_settings *settings)
{
    struct backoff backoff = {.base_us = CLOCK_US_PER_S,
                              .cap_us = p->every_us < RETRY_US ? p->every_us : RETRY_US};

    while (!signals_drain_requested()) {
        struct error error = {0};
        enum error_code code = run_once(p, settings, &error);

        if (code == ERROR_NONE) {
            backoff_reset(&backoff);
            pause_for(p->every_us);
        } else if (!signals_drain_requested()) {
            (void)report_error(NAME, &error);
            pause_for(backoff_next(&backoff, backoff_random()));
        }
    }
}

/* --- the subcommand --------------------------------------------------------- */

static const struct option_rule rules[] = {
    {"--older-than", OPTION_DURATION, offsetof(struct prune, older_us), "AGE", "90s, 12h, 30d", 0,
     100 * 366 * DAY_US},
    {"--bodies", OPTION_FLAG, offsetof(struct prune, bodies), NULL,
     "empty bodies and headers, and keep the rows", 0, 0},
    {"--source", OPTION_TEXT, offsetof(struct prune, sweep.source), "NAME", "of this source only", 0, 0},
    {"--every", OPTION_DURATION, offsetof(struct prune, every_us), "TIME",
     "again and again, so long after the last run ended: 6h", CLOCK_US_PER_S, 366 * DAY_US},
    {"--despite-triggers", OPTION_FLAG, offsetof(struct prune, despite_triggers), NULL,
     "with --bodies: also when triggers of yours would see null", 0, 0},
    {"--dry-run", OPTION_FLAG, offsetof(struct prune, dry_run), NULL, "only print how many", 0, 0},
    {"--json", OPTION_FLAG, offsetof(struct prune, json), NULL, "as one JSON object", 0, 0},
    OPTION_END,
};

static bool check(const struct prune *p)
{
    if (p->older_us < 0) {
        report_problem(NAME, "--older-than is needed; see sluice prune --help");
    } else if (p->despite_triggers && !p->bodies) {
        report_problem(NAME, "--despite-triggers is for --bodies; see sluice prune --help");
    } else if (p->every_us > 0 && p->dry_run) {
        report_problem(NAME, "--every and --dry-run exclude each other; see sluice prune --help");
    } else {
        return true;
    }
    return false;
}

static enum exit_code run(const void *settings, int count, char **arguments)
{
    struct prune p = {.older_us = -1, .argument_count = count, .arguments = arguments};
    struct error error = {0};
    enum error_code code;

    if (!options_read(NAME, rules, &p, count, arguments) || !check(&p)) {
        return EXIT_USAGE;
    }
    code = signals_install_drain(&error);
    if (code == ERROR_NONE && p.every_us > 0) {
        run_always(&p, settings);
        return EXIT_DONE;
    }
    if (code == ERROR_NONE) {
        code = run_once(&p, settings, &error);
    }
    if (code != ERROR_NONE) {
        return report_error(NAME, &error);
    }
    return p.sweep.left == 0 ? EXIT_DONE : EXIT_NO;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "--older-than AGE [--bodies] [--source NAME] [--every TIME] [--dry-run] [--json]",
    .summary = "delete old stored events, or only their bodies",
    .help = "Deletes the rows of webhooks_raw that were received longer ago than AGE, 5,000 in a\n"
            "transaction, while events continue to be stored. If an event with a pruned id is delivered\n"
            "again, it makes a new row.\n"
            "\n"
            "With --bodies the rows stay, and only bodies and headers go: what is delivered again is still\n"
            "known. The row tells the body's size and SHA-256, and when it expired; a newer event with\n"
            "that id replaces it as before. The first run makes an index. A trigger of yours that would\n"
            "run for an emptied row needs the condition new.body is not null.\n"
            "\n"
            "With --every it goes on until SIGTERM or Ctrl-C, also when the database is away. One process\n"
            "at a time deletes rows, and one empties bodies: another one waits.\n",
    .options = rules,
    .notes =
        "Exit code 1 when rows are left because others had locked them; 78 when triggers of yours would\n"
        "run. With --every 0, after SIGTERM.\n",
    .settings = settings_owner,
    .run = run,
};

SUBCOMMAND_REGISTER(command);

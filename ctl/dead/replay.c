/* SPDX-License-Identifier: MIT */
#include "ctl/database.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "filter.h"
#include "replayer.h"
#include "signals.h"

#include <inttypes.h>

#define NAME "dead replay"
#define RATE_MOST 100000

struct replay {
    struct deadfilter filter;
    int64_t rate;
    bool dry_run, json;
    PGconn *database;
    struct replayer_result result;
    int argument_count;
    char **arguments;
};

static void complain(void *context, const char *sentence)
{
    (void)context;
    report_problem(NAME, "%s", sentence);
}

static void tell(const struct replay *r)
{
    int64_t count = r->dry_run ? r->result.all - r->result.left : r->result.replayed;

    if (r->json) {
        cJSON *object = cJSON_CreateObject();

        (void)cJSON_AddBoolToObject(object, "dry_run", r->dry_run);
        record_add_count(object, r->dry_run ? "would_replay" : "replayed", count);
        record_add_count(object, "matched", r->result.all);
        record_add_count(object, "unreadable", r->result.left);
        record_print(NAME, object);
    } else {
        report_line("%s %" PRId64 " of %" PRId64, r->dry_run ? "would replay" : "replayed", count,
                    r->result.all);
    }
}

static enum error_code replay(struct replay *r, const struct mover_settings *settings, struct error *error)
{
    const struct replayer_options options = {.broker = &settings->broker,
                                             .delays = &settings->delays,
                                             .shards = settings->shards,
                                             .rate = r->rate,
                                             .action = NAME,
                                             .argument_count = r->argument_count,
                                             .arguments = r->arguments,
                                             .complain = complain};
    struct replayer_result *result = &r->result;
    enum error_code code = deadfilter_begin(&r->filter, r->database, error);

    if (code == ERROR_NONE) {
        code = replayer_count(&r->filter, r->database, result, error);
    }
    if (code != ERROR_NONE) {
        return code;
    }
    if (result->left > 0) {
        report_problem(NAME, "%" PRId64 " can't be replayed: their messages were not readable envelopes",
                       result->left);
    }
    if (!r->dry_run && result->all > result->left) {
        code = replayer_run(&r->filter, r->database, &options, result, error);
    }
    tell(r);
    return code;
}

static const struct option_rule rules[] = {
    DEADFILTER_RULES(struct replay),
    DEADFILTER_ALL_RULE(struct replay),
    {"--rate", OPTION_NUMBER, offsetof(struct replay, rate), "N", "at most N a second", 1, RATE_MOST},
    {"--dry-run", OPTION_FLAG, offsetof(struct replay, dry_run), NULL, "only print how many", 0, 0},
    {"--json", OPTION_FLAG, offsetof(struct replay, json), NULL, "as one JSON object", 0, 0},
    OPTION_END,
};

static enum exit_code run(const void *any_settings, int count, char **arguments)
{
    const struct mover_settings *settings = any_settings;
    struct replay r = {.filter = DEADFILTER_ANY, .argument_count = count, .arguments = arguments};
    struct error error = {0};
    enum error_code code;

    if (!options_read(NAME, rules, &r, count, arguments)) {
        return EXIT_USAGE;
    }
    if (!deadfilter_chosen(&r.filter)) {
        report_problem(NAME, DEADFILTER_UNCHOSEN(NAME));
        return EXIT_USAGE;
    }
    code = signals_install_drain(&error);
    if (code == ERROR_NONE) {
        code = database_open(&r.database, DATABASE_WRITES, settings->database_url,
                             settings->database_password, NAME, &error);
    }
    if (code == ERROR_NONE) {
        code = replay(&r, settings, &error);
    }
    deadfilter_end(&r.filter);
    PQfinish(r.database);
    if (code != ERROR_NONE) {
        return report_error(NAME, &error);
    }
    return r.result.left == 0 && !r.result.stopped ? EXIT_DONE : EXIT_NO;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "--all|FILTER... [--rate N] [--dry-run] [--json]",
    .summary = "send dead letters to the workers again",
    .help = "Publishes the dead letters that match the filter to the first retry tier and deletes each one\n"
            "after the broker has confirmed it. The workers receive them after that tier's delay; other\n"
            "subscribers don't. They keep their received_at, so a newer arrival of the same id is not\n"
            "overwritten. An event that fails again becomes a dead letter again.\n"
            "\n"
            "May be interrupted at any time and run several times, even concurrently. An event may then be\n"
            "published twice, which the workers merge, but none is lost.\n",
    .options = rules,
    .notes = "Exit code 1 when any matching dead letter is left: the command was interrupted, the broker\n"
             "refused the message, or it was not a readable envelope.\n",
    .settings = settings_mover,
    .run = run,
};

SUBCOMMAND_REGISTER(command);

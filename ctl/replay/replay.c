/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "ctl/audit.h"
#include "ctl/database.h"
#include "ctl/look/conditions.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "pass.h"
#include "signals.h"

#include <inttypes.h>
#include <string.h>

#define NAME "replay"
#define RATE 100
#define RATE_MOST 100000
#define BACKLOG 5000
#define BACKLOG_MOST 100000000
#define TO_WORKERS "workers"
#define TO_QUEUE "queue:"
#define QUEUE_NAME_MAX 255 /* bytes: an AMQP short string */

struct replay {
    struct conditions conditions;
    const char *to, *path;
    const char *queue; /* in `to`; NULL: to the workers */
    int64_t rate, backlog;
    bool dry_run, json;
    int argument_count;
    char **arguments;

    PGconn *database;
    struct stored rows;
    struct stored_total total; /* before this run */
    struct checkpoint checkpoint;
    struct publisher publisher;
    struct pass pass;
};

/* --- reading --------------------------------------------------------------------------- */

static bool read_target(struct replay *r)
{
    if (r->to != NULL && strcmp(r->to, TO_WORKERS) == 0) {
        return true;
    }
    if (r->to == NULL || strncmp(r->to, TO_QUEUE, strlen(TO_QUEUE)) != 0) {
        report_problem(
            NAME, "--to must be " TO_WORKERS ", or " TO_QUEUE
                  "NAME for one subscriber: a replay to all subscribers isn't possible, one queue must be "
                  "named");
        return false;
    }
    r->queue = r->to + strlen(TO_QUEUE);
    if (r->queue[0] == '\0' || strlen(r->queue) > QUEUE_NAME_MAX || !span_is_text(span_of(r->queue))) {
        report_problem(NAME, "--to %s: the name of a queue has 1 to %d bytes of UTF-8", r->to,
                       QUEUE_NAME_MAX);
        return false;
    }
    if (topology_owns_queue(r->queue)) {
        report_problem(NAME, "--to %s: that queue is Sluice's own; for the workers, give --to " TO_WORKERS,
                       r->to);
        return false;
    }
    return true;
}

static bool check(struct replay *r)
{
    if (r->conditions.search.source == NULL || r->conditions.since == NULL) {
        report_problem(NAME, "--source NAME and --since TIME are needed; see sluice " NAME " --help");
        return false;
    }
    if (!r->dry_run && r->path == NULL) {
        report_problem(NAME, "--cursor FILE is needed, where it notes how far it has come; see sluice " NAME
                             " --help");
        return false;
    }
    return read_target(r) && conditions_read(NAME, &r->conditions);
}

static void add_text(cJSON *object, const char *name, const char *text)
{
    (void)cJSON_AddItemToObject(object, name, text == NULL ? cJSON_CreateNull() : cJSON_CreateString(text));
}

/* What may not change from one run to the next: all that says which events go where. */
static cJSON *options_of(const struct replay *r)
{
    cJSON *object = cJSON_CreateObject(), *paths;

    add_text(object, "--source", r->conditions.search.source);
    add_text(object, "--since", r->conditions.since);
    add_text(object, "--until", r->conditions.until);
    add_text(object, "--id-prefix", r->conditions.search.id_prefix);
    add_text(object, "--path-prefix", r->conditions.search.path_prefix);
    paths = cJSON_AddArrayToObject(object, "--json-path");
    for (size_t i = 0; i < r->conditions.paths.count; i++) {
        (void)cJSON_AddItemToArray(paths, cJSON_CreateString(r->conditions.paths.values[i]));
    }
    add_text(object, "--to", r->to);
    return object;
}

/* A new checkpoint fixes the times: an age means the same in every run. What is received from now on is no
 * part of the replay, whatever --until says. */
static void begin_checkpoint(struct replay *r, cJSON *options, int64_t now_us)
{
    const struct search *s = &r->conditions.search;
    int64_t until_us = s->until.given ? moment_us(&s->until, now_us) : now_us;

    r->checkpoint = (struct checkpoint){.options = options,
                                        .since_us = moment_us(&s->since, now_us),
                                        .until_us = until_us < now_us ? until_us : now_us};
}

static enum error_code find_checkpoint(struct replay *r, struct error *error)
{
    cJSON *options = options_of(r);
    int64_t now_us;
    bool found = false;
    enum error_code code = stored_begin(r->database, &now_us, error);

    if (code == ERROR_NONE && r->path != NULL) {
        code = checkpoint_load(&r->checkpoint, r->path, &found, error);
    }
    if (code == ERROR_NONE && found) {
        code = checkpoint_compare(&r->checkpoint, options, r->path, error);
    } else if (code == ERROR_NONE) {
        begin_checkpoint(r, options, now_us);
        options = NULL;
    }
    cJSON_Delete(options);
    r->conditions.search.since = (struct moment){.given = true, .us = r->checkpoint.since_us};
    r->conditions.search.until = (struct moment){.given = true, .us = r->checkpoint.until_us};
    r->rows = (struct stored){&r->conditions.search, r->database, .again = r->queue == NULL};
    if (code == ERROR_NONE && !stored_seek(&r->rows, buf_text(&r->checkpoint.position))) {
        code = error_set(error, ERROR_BUG, "the checkpoint has no position");
    }
    return code;
}

/* --- printing -------------------------------------------------------------------------- */

static int64_t seconds_of(const struct replay *r)
{
    return (r->total.events + r->rate - 1) / r->rate;
}

static void print_json(const struct replay *r)
{
    cJSON *object = cJSON_CreateObject();
    struct buf since = {0}, until = {0};

    clock_append(&since, r->checkpoint.since_us);
    clock_append(&until, r->checkpoint.until_us);
    (void)cJSON_AddBoolToObject(object, "dry_run", r->dry_run);
    add_text(object, "to", r->to);
    add_text(object, "source", r->conditions.search.source);
    add_text(object, "since", buf_text(&since));
    add_text(object, "until", buf_text(&until));
    record_add_count(object, "events", r->total.events);
    record_add_count(object, "bytes", r->total.bytes);
    record_add_count(object, "expired", r->total.expired);
    record_add_count(object, "seconds", seconds_of(r));
    record_add_count(object, "published", r->pass.published);
    record_add_count(object, "unreadable", r->pass.unreadable);
    record_add_count(object, "published_in_all", r->checkpoint.published);
    (void)cJSON_AddBoolToObject(object, "complete", r->checkpoint.done);
    record_print(NAME, object);
    buf_free(&since);
    buf_free(&until);
}

static void tell_counts(const struct replay *r)
{
    struct buf line = {0};

    if (r->json) {
        return;
    }
    buf_printf(&line, "%s %" PRId64 " events of %s with %" PRId64 " bytes, received from ",
               r->dry_run ? "would replay" : "to replay:", r->total.events, r->conditions.search.source,
               r->total.bytes);
    clock_append(&line, r->checkpoint.since_us);
    buf_append_text(&line, " to ");
    clock_append(&line, r->checkpoint.until_us);
    buf_printf(&line, ", in %" PRId64 " s or more", seconds_of(r));
    report_line("%s", buf_text(&line));
    if (r->total.expired > 0) {
        report_line("left out: %" PRId64 " without a body, which has expired", r->total.expired);
    }
    buf_free(&line);
}

static void tell_result(const struct replay *r)
{
    if (r->json) {
        print_json(r);
    } else if (!r->dry_run) {
        report_line("replayed %" PRId64 " to %s, %" PRId64 " in all; %s", r->pass.published, r->to,
                    r->checkpoint.published, r->checkpoint.done ? "nothing is left" : "there is more");
    }
}

/* --- running --------------------------------------------------------------------------- */

/* The first change is the file, so that a replay that can't note its progress publishes nothing. */
static enum error_code run_pass(struct replay *r, struct error *error)
{
    struct audit audit;
    enum error_code code = audit_begin(&audit, r->database, NAME, r->argument_count, r->arguments, error);

    if (code != ERROR_NONE) {
        return code;
    }
    code = checkpoint_save(&r->checkpoint, r->path, error);
    if (code == ERROR_NONE) {
        code = pass_run(&r->pass, error);
    }
    audit_end(&audit, r->pass.published, code);
    return code;
}

static enum error_code replay(struct replay *r, const struct mover_settings *settings, struct error *error)
{
    const struct publisher_options to = {.access = &settings->broker,
                                         .connection_name = "sluice " NAME,
                                         .delays = &settings->delays,
                                         .shards = settings->shards,
                                         .queue = r->queue,
                                         .rate = r->rate};
    enum error_code code = find_checkpoint(r, error);

    if (code == ERROR_NONE && !r->checkpoint.done) {
        code = stored_count(&r->rows, &r->total, error);
    }
    if (code != ERROR_NONE) {
        return code;
    }
    r->pass = (struct pass){.name = NAME,
                            .rows = &r->rows,
                            .publisher = &r->publisher,
                            .checkpoint = &r->checkpoint,
                            .path = r->path,
                            .rate = r->rate,
                            .backlog = r->backlog,
                            .replayed_us = r->queue == NULL ? 0 : clock_wall_us()};
    tell_counts(r);
    if (!r->checkpoint.done) {
        code = publisher_open(&r->publisher, &to, error);
        if (code == ERROR_NONE && !r->dry_run) {
            code = run_pass(r, error);
        }
        publisher_close(&r->publisher);
    }
    tell_result(r);
    return code;
}

static const struct option_rule rules[] = {
    CONDITIONS_RULES(struct replay),
    {"--to", OPTION_TEXT, offsetof(struct replay, to), "TARGET",
     "workers: their triggers run again; queue:NAME: one subscriber's own queue", 0, 0},
    {"--cursor", OPTION_TEXT, offsetof(struct replay, path), "FILE",
     "where it notes how far it has come; made by the first run", 0, 0},
    {"--rate", OPTION_NUMBER, offsetof(struct replay, rate), "N", "at most N a second (100)", 1, RATE_MOST},
    {"--backlog", OPTION_NUMBER, offsetof(struct replay, backlog), "N",
     "wait while N messages are ready there (5000)", 1, BACKLOG_MOST},
    {"--dry-run", OPTION_FLAG, offsetof(struct replay, dry_run), NULL, "only print how many", 0, 0},
    {"--json", OPTION_FLAG, offsetof(struct replay, json), NULL, "as one JSON object", 0, 0},
    OPTION_END,
};

static enum exit_code run(const void *any_settings, int count, char **arguments)
{
    const struct mover_settings *settings = any_settings;
    struct replay r = {.rate = RATE, .backlog = BACKLOG, .argument_count = count, .arguments = arguments};
    struct error error = {0};
    enum error_code code;
    bool whole;

    if (!options_read(NAME, rules, &r, count, arguments) || !check(&r)) {
        conditions_free(&r.conditions);
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
    whole = r.dry_run || (r.checkpoint.done && r.pass.unreadable == 0);
    checkpoint_free(&r.checkpoint);
    stored_free(&r.rows);
    conditions_free(&r.conditions);
    PQfinish(r.database);
    if (code != ERROR_NONE) {
        return report_error(NAME, &error);
    }
    return whole ? EXIT_DONE : EXIT_NO;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "--source NAME --since TIME --to TARGET --cursor FILE [OPTION]...",
    .summary = "send stored events again, to the workers or to one queue",
    .help =
        "Counts the stored events that match, then publishes them again, oldest first, each as the row has\n"
        "it. What is received after the first run has begun is left out, and so are events whose bodies\n"
        "have expired.\n"
        "\n"
        "--to workers: the row is updated without a change, so that triggers on update run again. Only the\n"
        "version that was read is touched: a row that has been replaced or deleted meanwhile stays so. All\n"
        "workers must be of this release. The events go through the first retry tier.\n"
        "--to queue:NAME: that queue alone gets them, with the header sluice-replayed. There is no replay "
        "to\n"
        "all subscribers.\n"
        "\n"
        "May be interrupted or killed at any time: run the same command again, with the same file, and it\n"
        "goes on where the broker had confirmed all; up to 500 events may then be published twice. When\n"
        "nothing is left, the same command publishes nothing more.\n",
    .options = rules,
    .notes =
        "Exit code 1 when events are left: the command was interrupted, the broker refused them, or a row\n"
        "is not what an envelope can hold.\n",
    .settings = settings_mover,
    .run = run,
};

SUBCOMMAND_REGISTER(command);

/* SPDX-License-Identifier: MIT */
#include "balance.h"
#include "ctl/array.h"
#include "ctl/database.h"
#include "ctl/ledger.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "queues.h"
#include "regular_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "verify"
#define BATCH_LINES 500
#define SHOWN_MAX 20

struct verify {
    const char *file;
    bool json, all;
    PGconn *database;
    struct balance balance;
    /* A batch of lines that one query looks up; they point into `text`. */
    struct ledger_line lines[BATCH_LINES];
    size_t line_count;
    struct buf text;
    size_t facts[LEDGER_FACTS];
    size_t rows, dead, missing, differing, refused_stored;
    size_t shown;
    cJSON *missing_events; /* those named; printed if they turn out not to be queued */
    cJSON *wrong_events;   /* those named that differ or were refused */
};

typedef enum error_code (*take_line)(struct verify *, const struct ledger_line *, struct error *);

/* --- the database's side ------------------------------------------------- */

/* Whether to name an event when so many have been named before. */
static bool is_named(const struct verify *v, size_t before)
{
    return v->all || before < SHOWN_MAX;
}

static void count_missing(struct verify *v, const struct ledger_line *line)
{
    if (is_named(v, v->missing++)) {
        cJSON *event = cJSON_CreateObject();

        record_add_body(event, "source", line->source);
        record_add_body(event, "id", line->id);
        (void)cJSON_AddItemToArray(v->missing_events, event);
    }
}

/* found: hash of the row's body, or NULL when there is no row; dead: a dead letter has the line's body. */
static enum error_code judge(struct verify *v, const struct ledger_line *line, const char *found, bool dead,
                             struct error *error)
{
    bool same = found != NULL && span_equal(span_of(found), line->sha256);

    if (line->fact == LEDGER_REFUSED) {
        /* Not an error yet: the same event may have been accepted another time. */
        return same || dead ? balance_suspect(&v->balance, line, line->sha256, error) : ERROR_NONE;
    }
    if (same) {
        v->rows++;
    } else if (found != NULL) {
        return balance_suspect(&v->balance, line, span_of(found), error);
    } else if (dead) {
        v->dead++;
    } else {
        count_missing(v, line);
    }
    return ERROR_NONE;
}

/* Points the lines' spans into the text buffer, which may have moved while it grew. */
static void settle_views(struct verify *v)
{
    const char *at = v->text.data;

    for (size_t i = 0; i < v->line_count; i++) {
        struct span *const spans[] = {&v->lines[i].source, &v->lines[i].id, &v->lines[i].sha256};

        for (size_t k = 0; k < sizeof spans / sizeof spans[0]; k++) {
            spans[k]->data = at;
            at += spans[k]->len;
        }
    }
}

static enum error_code ask(struct verify *v, struct error *error)
{
    struct buf sources = {0}, ids = {0}, hashes = {0};
    const char *parameters[3];
    PGresult *r = NULL;
    enum error_code code;

    if (v->line_count == 0) {
        return ERROR_NONE;
    }
    if (v->text.failed) {
        return error_set(error, ERROR_MEMORY, "no memory for %d lines of the ledger", BATCH_LINES);
    }
    settle_views(v);
    for (size_t i = 0; i < v->line_count; i++) {
        array_append(&sources, v->lines[i].source);
        array_append(&ids, v->lines[i].id);
        array_append(&hashes, v->lines[i].sha256);
    }
    array_end(&sources);
    array_end(&ids);
    array_end(&hashes);
    parameters[0] = buf_text(&sources);
    parameters[1] = buf_text(&ids);
    parameters[2] = buf_text(&hashes);
    code = database_query(
        v->database, &r,
        "select (select encode(coalesce(sha256(r.body), r.body_sha256), 'hex') from webhooks_raw r"
        "         where r.id = k.id and r.source = k.source),"
        "       exists (select from webhooks_dead d where d.source = k.source and d.id = k.id"
        "               and d.body_sha256 = decode(k.hash, 'hex'))"
        " from unnest($1::text[], $2::text[], $3::text[]) with ordinality as k (source, id, hash, n)"
        " order by n",
        3, parameters, error);
    for (int i = 0; code == ERROR_NONE && i < PQntuples(r); i++) {
        code = judge(v, &v->lines[i], PQgetisnull(r, i, 0) ? NULL : PQgetvalue(r, i, 0),
                     PQgetvalue(r, i, 1)[0] == 't', error);
    }
    PQclear(r);
    buf_free(&sources);
    buf_free(&ids);
    buf_free(&hashes);
    v->line_count = 0;
    buf_clear(&v->text);
    return code;
}

/* --- the ledger's side --------------------------------------------------- */

/* The first pass: looks up acked and refused events, one batch at a time. */
static enum error_code take_first(struct verify *v, const struct ledger_line *line, struct error *error)
{
    v->facts[line->fact]++;
    if (line->fact != LEDGER_ACKED && line->fact != LEDGER_REFUSED) {
        return ERROR_NONE;
    }
    buf_append_span(&v->text, line->source);
    buf_append_span(&v->text, line->id);
    buf_append_span(&v->text, line->sha256);
    v->lines[v->line_count++] = *line;
    return v->line_count == BATCH_LINES ? ask(v, error) : ERROR_NONE;
}

/* The second pass: finds other lines that sent the bodies found. */
static enum error_code take_second(struct verify *v, const struct ledger_line *line, struct error *error)
{
    (void)error;
    balance_show(&v->balance, line);
    return ERROR_NONE;
}

/* Calls `take` for each line of the ledger. */
static enum error_code read_ledger(struct verify *v, take_line take, struct error *error)
{
    struct error refusal;
    FILE *file = regular_file_stream(v->file, &refusal);
    enum error_code code = ERROR_NONE;
    char *text = NULL;
    size_t capacity = 0;
    ssize_t len;

    if (file == NULL) {
        return error_set(error, refusal.code, "%s %s", v->file, refusal.text);
    }
    for (long number = 1; code == ERROR_NONE && (len = getline(&text, &capacity, file)) >= 0; number++) {
        bool whole = len > 0 && text[len - 1] == '\n';
        struct ledger_line line;

        if (ledger_parse((struct span){text, (size_t)(whole ? len - 1 : len)}, &line)) {
            code = take(v, &line, error);
        } else if (whole) {
            code =
                error_set(error, ERROR_MALFORMED, "%s: line %ld isn't a line of a ledger", v->file, number);
        } else if (take == take_first) {
            report_problem(NAME, "%s: the last line is incomplete and was ignored", v->file);
        }
    }
    if (code == ERROR_NONE && ferror(file)) {
        code = error_set(error, ERROR_SYSTEM, "%s: %s", v->file, strerror(errno));
    }
    free(text);
    (void)fclose(file);
    return code;
}

/* --- the sums ------------------------------------------------------------ */

static void show(struct verify *v, const char *what, const struct suspect *suspect)
{
    if (!is_named(v, v->shown++)) {
        return;
    }
    if (v->json) {
        cJSON *event = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(event, "what", what);
        record_add_body(event, "source", span_of(suspect->source));
        record_add_body(event, "id", span_of(suspect->id));
        (void)cJSON_AddStringToObject(event, "body_sha256", suspect->sha256);
        (void)cJSON_AddItemToArray(v->wrong_events, event);
    } else {
        report_line("%-9s %s %s: the table has SHA-256 %s", what, suspect->source, suspect->id,
                    suspect->sha256);
    }
}

static void judge_suspects(struct verify *v)
{
    for (size_t i = 0; i < v->balance.count; i++) {
        const struct suspect *suspect = &v->balance.suspects[i];

        switch (balance_verdict(suspect)) {
        case BALANCE_ACCOUNTED:
            v->rows += suspect->acked;
            break;
        case BALANCE_REFUSED:
            v->rows += suspect->acked;
            v->refused_stored++;
            show(v, "refused", suspect);
            break;
        case BALANCE_FOREIGN:
            v->differing += suspect->acked;
            show(v, "differs", suspect);
            break;
        }
    }
}

static void print_text(const struct verify *v, size_t queued)
{
    const cJSON *event;

    cJSON_ArrayForEach(event, v->missing_events)
    {
        report_line("missing   %s %s", cJSON_GetStringValue(event->child),
                    cJSON_GetStringValue(event->child->next));
    }
    report_line("ledger    sent %zu  acked %zu  refused %zu  unknown %zu", v->facts[LEDGER_SENT],
                v->facts[LEDGER_ACKED], v->facts[LEDGER_REFUSED], v->facts[LEDGER_UNKNOWN]);
    report_line("acked     row %zu  dead %zu  queued %zu  missing %zu  differing %zu", v->rows, v->dead,
                queued, v->missing, v->differing);
    report_line("refused   stored %zu", v->refused_stored);
}

static void print_json(struct verify *v, size_t queued)
{
    const struct {
        const char *name;
        size_t count;
    } counts[] = {
        {"sent", v->facts[LEDGER_SENT]},
        {"acked", v->facts[LEDGER_ACKED]},
        {"refused", v->facts[LEDGER_REFUSED]},
        {"unknown", v->facts[LEDGER_UNKNOWN]},
        {"rows", v->rows},
        {"dead", v->dead},
        {"queued", queued},
        {"missing", v->missing},
        {"differing", v->differing},
        {"refused_stored", v->refused_stored},
    };
    cJSON *object = cJSON_CreateObject();

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        record_add_count(object, counts[i].name, (int64_t)counts[i].count);
    }
    (void)cJSON_AddItemToObject(object, "missing_events", v->missing_events);
    (void)cJSON_AddItemToObject(object, "wrong_events", v->wrong_events);
    v->missing_events = v->wrong_events = NULL;
    record_print(NAME, object);
}

static enum error_code verify(struct verify *v, const struct verify_settings *settings, struct error *error)
{
    struct queue_depths depths;
    size_t queued = 0;
    /* Queues first: an event that is stored in between is then found in the table. */
    enum error_code code = queues_inspect(&depths,
                                          &(struct queues_options){.access = &settings->broker,
                                                                   .connection_name = "sluice verify",
                                                                   .delays = &settings->delays,
                                                                   .shards = settings->shards},
                                          error);

    if (code == ERROR_NONE) {
        code = database_open(&v->database, DATABASE_NEWEST, settings->database.url,
                             settings->database.password, NAME, error);
    }
    if (code == ERROR_NONE) {
        code = database_run(v->database, "set statement_timeout = '60s'", error);
    }
    if (code == ERROR_NONE) {
        code = read_ledger(v, take_first, error);
    }
    if (code == ERROR_NONE) {
        code = ask(v, error);
    }
    balance_sort(&v->balance);
    if (code == ERROR_NONE && v->balance.count > 0) {
        code = read_ledger(v, take_second, error);
    }
    if (code != ERROR_NONE) {
        return code;
    }
    judge_suspects(v);
    if ((int64_t)v->missing <= queues_ready(&depths)) {
        queued = v->missing;
        v->missing = 0;
        while (cJSON_GetArraySize(v->missing_events) > 0) {
            cJSON_DeleteItemFromArray(v->missing_events, 0);
        }
    }
    if (v->json) {
        print_json(v, queued);
    } else {
        print_text(v, queued);
    }
    return ERROR_NONE;
}

static const struct option_rule rules[] = {
    {"FILE", OPTION_OPERAND, offsetof(struct verify, file), NULL, NULL, 0, 0},
    {"--all", OPTION_FLAG, offsetof(struct verify, all), NULL,
     "name every event that is missing or differs, for asking the senders again", 0, 0},
    {"--json", OPTION_FLAG, offsetof(struct verify, json), NULL, "as one JSON object", 0, 0},
    OPTION_END,
};

static enum exit_code run(const void *settings, int count, char **arguments)
{
    struct verify *v;
    struct error error = {0};
    enum exit_code code;

    v = calloc(1, sizeof *v);
    if (v == NULL) {
        report_problem(NAME, "out of memory");
        return EXIT_BUG;
    }
    v->missing_events = cJSON_CreateArray();
    v->wrong_events = cJSON_CreateArray();
    if (!options_read(NAME, rules, v, count, arguments)) {
        code = EXIT_USAGE;
    } else if (v->file == NULL) {
        report_problem(NAME, "one FILE is needed; see sluice verify --help");
        code = EXIT_USAGE;
    } else if (verify(v, settings, &error) != ERROR_NONE) {
        code = report_error(NAME, &error);
    } else {
        code = v->missing + v->differing + v->refused_stored == 0 ? EXIT_DONE : EXIT_NO;
    }
    PQfinish(v->database);
    balance_free(&v->balance);
    buf_free(&v->text);
    cJSON_Delete(v->missing_events);
    cJSON_Delete(v->wrong_events);
    free(v);
    return code;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "FILE [--all] [--json]",
    .summary = "compare a ledger with the table: is every acked event there?",
    .help = "Reads a ledger with lines of the form\n"
            "    sent|acked|refused|unknown <TAB> source <TAB> id <TAB> SHA-256 of the body in hex\n"
            "and looks for each acked event: a row, a dead letter, or queued. The hash of the body in the\n"
            "table must be one that was sent with that id. Prints the counts and the first 20 events that\n"
            "are missing or differ; with --all, all of them.\n"
            "\n"
            "An event that isn't found counts as queued while the queues hold at least as many messages.\n"
            "The broker's count excludes unacked messages, which a worker holds, and a bundle of several\n"
            "events counts once. So verify when the queues are empty and the workers idle (see sluice\n"
            "status).\n",
    .options = rules,
    .notes = "Exit code 1 when an event is missing or differs, or when a refused event was stored.\n",
    .settings = settings_verify,
    .run = run,
};

SUBCOMMAND_REGISTER(command);

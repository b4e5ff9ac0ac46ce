/* SPDX-License-Identifier: MIT */
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "ctl/tabulate.h"
#include "places.h"
#include "reader.h"
#include "stages.h"
#include "waiting.h"

#include <inttypes.h>

#define NAME "trace"

struct trace {
    const char *id, *source;
    bool json;
    struct waiting waiting;
    enum exit_code broker; /* EXIT_DONE when the broker has told how many messages wait */
    struct places places;
};

static bool is_found(const struct trace *t)
{
    return PQntuples(t->places.stored) + PQntuples(t->places.dead) > 0;
}

/* --- printing ------------------------------------------------------------- */

/* Prints what senders wrote without their control characters. */
static void print(void *to, const char *name, const char *text)
{
    struct buf line = {0};

    (void)to;
    (void)tabulate_append(&line, text, 0);
    report_line("  %-15s  %s", name, buf_text(&line));
    buf_free(&line);
}

static void print_head(const char *source, const char *id, const char *what)
{
    struct buf line = {0};

    (void)tabulate_append(&line, source, 0);
    buf_append_char(&line, ' ');
    (void)tabulate_append(&line, id, 0);
    report_line("%s: %s", buf_text(&line), what);
    buf_free(&line);
}

static void print_queues(const struct waiting *waiting)
{
    report_line("%-22s %10s %10s  until", "queue", "ready", "unacked");
    for (size_t i = 0; i < waiting->count; i++) {
        const struct waiting_queue *q = &waiting->queues[i];
        struct buf unacked = {0}, until = {0};

        if (q->unacked == WAITING_UNKNOWN) {
            buf_append_text(&unacked, "unknown");
        } else {
            buf_printf(&unacked, "%" PRId64, q->unacked);
        }
        stages_append_until(&until, q);
        report_line("%-22s %10" PRId64 " %10s  %s", q->name, q->ready, buf_text(&unacked), buf_text(&until));
        buf_free(&unacked);
        buf_free(&until);
    }
}

static void print_places(const struct places *p)
{
    for (int row = 0; row < PQntuples(p->stored); row++) {
        print_head(PQgetvalue(p->stored, row, STORED_SOURCE), PQgetvalue(p->stored, row, STORED_ID),
                   PQgetvalue(p->stored, row, STORED_STATE));
        stages_of_stored(p->stored, row, print, NULL);
    }
    for (int row = 0; row < PQntuples(p->dead); row++) {
        struct buf what = {0};

        buf_printf(&what, "dead letter %s", PQgetvalue(p->dead, row, DEAD_ID));
        print_head(PQgetvalue(p->dead, row, DEAD_SOURCE), PQgetvalue(p->dead, row, DEAD_EVENT),
                   buf_text(&what));
        stages_of_dead(p->dead, row, print, NULL);
        buf_free(&what);
    }
}

static void print_text(const struct trace *t)
{
    struct buf chance = {0};

    print_places(&t->places);
    if (!is_found(t)) {
        print_head(t->source == NULL ? "any source" : t->source, t->id, "neither stored nor a dead letter");
        if (t->waiting.count > 0) {
            print_queues(&t->waiting);
        }
    }
    /* Whether this event, or another arrival of it, may be under way. */
    stages_append_chance(&chance, &t->waiting, t->broker == EXIT_DONE, is_found(t));
    report_line("%s", buf_text(&chance));
    buf_free(&chance);
}

/* --- JSON ------------------------------------------------------------------ */

static void add_rows(cJSON *object, const char *name, const PGresult *r)
{
    cJSON *array = cJSON_AddArrayToObject(object, name);

    for (int row = 0; row < PQntuples(r); row++) {
        (void)cJSON_AddItemToArray(array, record_of_row(r, row));
    }
}

static const char *chance(const struct trace *t)
{
    if (t->waiting.count > 0 && waiting_count(&t->waiting) == 0 && waiting_is_complete(&t->waiting)) {
        return "no";
    }
    return "maybe";
}

static void print_json(const struct trace *t)
{
    cJSON *object = cJSON_CreateObject(), *queues;

    (void)cJSON_AddStringToObject(object, "id", t->id);
    (void)cJSON_AddItemToObject(object, "source",
                                t->source == NULL ? cJSON_CreateNull() : cJSON_CreateString(t->source));
    (void)cJSON_AddBoolToObject(object, "found", is_found(t));
    add_rows(object, "stored", t->places.stored);
    add_rows(object, "dead", t->places.dead);
    (void)cJSON_AddStringToObject(object, "on_its_way", chance(t));
    queues = cJSON_AddArrayToObject(object, "queues");
    for (size_t i = 0; i < t->waiting.count; i++) {
        const struct waiting_queue *q = &t->waiting.queues[i];
        cJSON *queue = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(queue, "name", q->name);
        record_add_count(queue, "ready", q->there ? q->ready : -1);
        record_add_count(queue, "unacked", q->unacked);
        record_add_count(queue, "wait_s", q->wait_s > 0 ? q->wait_s : -1);
        (void)cJSON_AddItemToArray(queues, queue);
    }
    record_print(NAME, object);
}

/* --- asking ----------------------------------------------------------------- */

/* The queues before the database: an event that is stored in between is then found there. */
static enum exit_code trace(struct trace *t, const struct trace_settings *settings)
{
    const struct waiting_options options = {.access = &settings->broker,
                                            .management_url = settings->management_url,
                                            .connection_name = "sluice " NAME,
                                            .delays = &settings->delays,
                                            .shards = settings->shards};
    PGconn *database = NULL;
    struct error error = {0};
    enum error_code code;

    if (waiting_ask(&t->waiting, &options, &error) != ERROR_NONE) {
        t->broker = report_error(NAME, &error);
    }
    code = reader_open(&database, &settings->database, NAME, &error);
    if (code == ERROR_NONE) {
        code = places_ask(&t->places, database, t->id, t->source, &error);
    }
    PQfinish(database);
    if (code != ERROR_NONE) {
        return report_error(NAME, &error);
    }
    if (t->json) {
        print_json(t);
    } else {
        print_text(t);
    }
    if (is_found(t)) {
        return EXIT_DONE;
    }
    return t->broker == EXIT_DONE ? EXIT_NO : t->broker;
}

static const struct option_rule rules[] = {
    {"ID", OPTION_OPERAND, offsetof(struct trace, id), NULL, NULL, 0, 0},
    {"--source", OPTION_TEXT, offsetof(struct trace, source), "NAME",
     "of this source only; default: of every source that has the id", 0, 0},
    {"--json", OPTION_FLAG, offsetof(struct trace, json), NULL, "as one JSON object", 0, 0},
    OPTION_END,
};

static enum exit_code run(const void *settings, int count, char **arguments)
{
    struct trace t = {.broker = EXIT_DONE};
    enum exit_code code;

    if (!options_read(NAME, rules, &t, count, arguments)) {
        return EXIT_USAGE;
    }
    if (t.id == NULL) {
        report_problem(NAME, "one ID is needed; see sluice trace --help");
        return EXIT_USAGE;
    }
    code = trace(&t, settings);
    places_free(&t.places);
    return code;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "[--source NAME] ID",
    .summary = "show where an event is, and when it passed each stage",
    .help = "Looks for the event in the database: its row (when it was first received, when the arrival was\n"
            "received whose body the row has, when the row was last changed), and its dead letters (reason,\n"
            "verdict, SQLSTATE, attempts). If it has neither, shows how many messages wait in each queue,\n"
            "and until when: the event may be one of them. No message is read, because that would change\n"
            "its place, so which events wait isn't known, nor for how long they have waited. `unacked` is\n"
            "what workers hold: unknown without BROKER_MANAGEMENT_URL, and up to 5 s old.\n",
    .options = rules,
    .notes = "Exit code 0 when the event has a row or a dead letter; 1 when it has neither; 69 when it has\n"
             "neither and the broker can't be asked, or when the database can't be reached.\n",
    .settings = settings_trace,
    .run = run,
};

SUBCOMMAND_REGISTER(command);

/* SPDX-License-Identifier: MIT */
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "ctl/tabulate.h"
#include "places.h"
#include "reader.h"
#include "waiting.h"

#include <inttypes.h>
#include <string.h>

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
static void print(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print(const char *label, const char *format, ...)
{
    struct buf text = {0}, line = {0};
    char formatted[2048];
    va_list arguments;

    va_start(arguments, format);
    (void)text_format(formatted, sizeof formatted, format, arguments);
    va_end(arguments);
    buf_append_text(&text, formatted);
    (void)tabulate_append(&line, buf_text(&text), 0);
    report_line("  %-15s  %s", label, buf_text(&line));
    buf_free(&text);
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

static const char *or_none(const char *text)
{
    return text[0] == '\0' ? "none" : text;
}

static void print_order(const PGresult *r, int row, int column)
{
    if (!PQgetisnull(r, row, column)) {
        print("order", "%s", PQgetvalue(r, row, column));
    }
}

static void print_stored(const PGresult *r, int row)
{
    const char *state = PQgetvalue(r, row, STORED_STATE);

    print_head(PQgetvalue(r, row, STORED_SOURCE), PQgetvalue(r, row, STORED_ID), state);
    print("first received", "%s", PQgetvalue(r, row, STORED_FIRST_RECEIVED));
    print("received", "%s, the %s arrival: its body is in the row", PQgetvalue(r, row, STORED_RECEIVED),
          strcmp(state, "replaced") == 0 ? "winning, later" : "first");
    print_order(r, row, STORED_ORDER);
    print("stored", "%s, %s ms later", PQgetvalue(r, row, STORED_AT), PQgetvalue(r, row, STORED_AFTER_MS));
    print("request", "%s %s, Content-Type %s", PQgetvalue(r, row, STORED_METHOD),
          PQgetvalue(r, row, STORED_PATH), or_none(PQgetvalue(r, row, STORED_CONTENT_TYPE)));
    print("body", "%s bytes, SHA-256 %s", PQgetvalue(r, row, STORED_BODY_BYTES),
          PQgetvalue(r, row, STORED_SHA256));
}

static void print_dead(const PGresult *r, int row)
{
    struct buf what = {0};

    buf_printf(&what, "dead letter %s", PQgetvalue(r, row, DEAD_ID));
    print_head(PQgetvalue(r, row, DEAD_SOURCE), PQgetvalue(r, row, DEAD_EVENT), buf_text(&what));
    print("received", "%s", or_none(PQgetvalue(r, row, DEAD_RECEIVED)));
    print_order(r, row, DEAD_ORDER);
    print("died", "%s, verdict %s, SQLSTATE %s, attempts %s", PQgetvalue(r, row, DEAD_DIED),
          PQgetvalue(r, row, DEAD_VERDICT), or_none(PQgetvalue(r, row, DEAD_SQLSTATE)),
          PQgetvalue(r, row, DEAD_ATTEMPTS));
    print("reason", "%s", PQgetvalue(r, row, DEAD_REASON));
    print("worker", "%s", or_none(PQgetvalue(r, row, DEAD_WORKER)));
    print("request", "%s %s, Content-Type %s", or_none(PQgetvalue(r, row, DEAD_METHOD)),
          PQgetvalue(r, row, DEAD_PATH), or_none(PQgetvalue(r, row, DEAD_CONTENT_TYPE)));
    print("body", "%s bytes, SHA-256 %s", PQgetvalue(r, row, DEAD_BODY_BYTES),
          PQgetvalue(r, row, DEAD_SHA256));
    buf_free(&what);
}

static void append_until(struct buf *out, const struct waiting_queue *q)
{
    if (strcmp(q->name, TOPOLOGY_DEAD) == 0) {
        buf_append_text(out, "sluice dead collect takes it");
    } else if (q->wait_s > 0) {
        buf_printf(out, "%" PRId64 " s have passed", q->wait_s);
    } else {
        buf_append_text(out, "a worker has stored it");
    }
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
        append_until(&until, q);
        report_line("%-22s %10" PRId64 " %10s  %s", q->name, q->ready, buf_text(&unacked), buf_text(&until));
        buf_free(&unacked);
        buf_free(&until);
    }
}

/* The last line: whether this event, or another arrival of it, may be under way. */
static void print_chance(const struct trace *t)
{
    int64_t count = waiting_count(&t->waiting);
    const char *it = is_found(t) ? "another arrival of it" : "it";

    if (t->broker != EXIT_DONE && t->waiting.count == 0) {
        report_line("The queues are unknown: %s may be on its way.", it);
    } else if (count == 1) {
        report_line("1 message waits, or a worker holds it: it may be %s.",
                    is_found(t) ? "another arrival of this event" : "this event");
    } else if (count > 0) {
        report_line("%" PRId64 " messages wait or are held by workers: %s may be among them.", count, it);
    } else if (!waiting_is_complete(&t->waiting)) {
        report_line("No message waits. What workers hold is unknown: %s may be among it.", it);
    } else {
        report_line("No message waits, and workers hold none: %s is not on its way.", it);
    }
}

static void print_text(const struct trace *t)
{
    for (int row = 0; row < PQntuples(t->places.stored); row++) {
        print_stored(t->places.stored, row);
    }
    for (int row = 0; row < PQntuples(t->places.dead); row++) {
        print_dead(t->places.dead, row);
    }
    if (!is_found(t)) {
        print_head(t->source == NULL ? "any source" : t->source, t->id, "neither stored nor a dead letter");
        if (t->waiting.count > 0) {
            print_queues(&t->waiting);
        }
    }
    print_chance(t);
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
static enum exit_code trace(struct trace *t, const struct status_settings *settings)
{
    const struct waiting_options options = {.access = &settings->broker,
                                            .management_url = settings->management_url,
                                            .connection_name = "sluice " NAME,
                                            .delays = &settings->delays};
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
    .settings = settings_status,
    .run = run,
};

SUBCOMMAND_REGISTER(command);

/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "ctl/audit.h"
#include "ctl/database.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "filter.h"
#include "letter.h"
#include "send.h"
#include "signals.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME "dead replay"
#define BATCH_MAX 500 /* at most DEADSEND_OUTSTANDING_MAX */
#define BATCH_BYTES (INT64_C(4) << 20)
#define RATE_MOST 100000

struct replay {
    struct deadfilter filter;
    int64_t rate;
    bool dry_run;
    PGconn *database;
    struct deadsend send;
    char last[24]; /* last dead_id processed */
    int64_t replayed, left;
    bool stopped;
    int argument_count;
    char **arguments;
};

/* The dead_ids of a batch, as a Postgres array. */
struct batch {
    struct buf array;
    int count;
};

static void batch_add(struct batch *b, const char *dead_id)
{
    buf_append_text(&b->array, b->count++ == 0 ? "{" : ",");
    buf_append_text(&b->array, dead_id);
}

/* Selects the next batch. Its count and the size of its bodies are limited, and with --rate N it holds at
 * most one second's worth. */
static enum error_code take_batch(struct replay *r, struct batch *b, struct error *error)
{
    int most = r->rate > 0 && r->rate < BATCH_MAX ? (int)r->rate : BATCH_MAX;
    char limit[24];
    const char *const more[] = {r->last, limit};
    PGresult *rows = NULL;
    int64_t bytes = 0;
    enum error_code code;

    (void)snprintf(limit, sizeof limit, "%d", most);
    code = deadfilter_query(&r->filter, r->database, &rows, deadtable_candidates, 2, more, error);
    for (int i = 0; code == ERROR_NONE && i < PQntuples(rows); i++) {
        bytes += atoll(PQgetvalue(rows, i, 1));
        if (b->count > 0 && bytes > BATCH_BYTES) {
            break;
        }
        batch_add(b, PQgetvalue(rows, i, 0));
        (void)snprintf(r->last, sizeof r->last, "%s", PQgetvalue(rows, i, 0));
    }
    PQclear(rows);
    buf_append_char(&b->array, '}');
    return code == ERROR_NONE && b->array.failed ? error_set(error, ERROR_MEMORY, "no memory for a batch")
                                                 : code;
}

/* Reads the rows that the deletion returned. *readable: those that are an envelope; when there are fewer than
 * rows, the others must stay in the table. */
static enum error_code read_letters(struct replay *r, const PGresult *rows, struct deadletter *letters,
                                    struct batch *readable, struct error *error)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        enum error_code code = deadletter_read(&letters[i], rows, i, error);

        if (code == ERROR_MALFORMED || code == ERROR_LIMIT) {
            report_problem(NAME, "dead letter %s stays: %s", letters[i].dead_id, error->text);
            r->left++;
        } else if (code != ERROR_NONE) {
            return code;
        } else {
            batch_add(readable, letters[i].dead_id);
        }
    }
    buf_append_char(&readable->array, '}');
    return ERROR_NONE;
}

static enum error_code publish_letters(struct replay *r, const struct deadletter *letters, int count,
                                       struct error *error)
{
    enum error_code code = ERROR_NONE;

    broker_gather(r->send.broker, r->rate == 0);
    for (int i = 0; code == ERROR_NONE && i < count; i++) {
        code = deadsend_publish(&r->send, &letters[i], error);
    }
    broker_gather(r->send.broker, false);
    return code == ERROR_NONE ? deadsend_finish(&r->send, error) : code;
}

/* Replays a batch in one transaction. Deleting the rows first locks out other replays; an event that dies
 * again at once waits for the end of the transaction and then gets a new row. The transaction commits only
 * when the broker has confirmed every message; after any other outcome the rows are as before. *readable: the
 * events that can be replayed; when they are not the whole batch, nothing was done. */
static enum error_code replay_batch(struct replay *r, struct batch *b, struct batch *readable,
                                    struct error *error)
{
    const char *const parameters[] = {buf_text(&b->array)};
    struct deadletter *letters = calloc((size_t)b->count, sizeof *letters);
    PGresult *rows = NULL;
    int count = 0;
    enum error_code code = letters == NULL ? error_set(error, ERROR_MEMORY, "no memory for a batch")
                                           : database_run(r->database, "begin", error);

    if (code == ERROR_NONE) {
        code = database_query(r->database, &rows, deadtable_take, 1, parameters, error);
    }
    if (code == ERROR_NONE) {
        count = PQntuples(rows); /* fewer than in the batch when another replay took some */
        code = read_letters(r, rows, letters, readable, error);
    }
    if (code == ERROR_NONE && readable->count == count) {
        code = publish_letters(r, letters, count, error);
        r->stopped = r->send.refused + r->send.returned > 0;
    }
    if (code == ERROR_NONE && readable->count == count && !r->stopped) {
        code = database_run(r->database, "commit", error);
        r->replayed += code == ERROR_NONE ? count : 0;
    } else if (code == ERROR_NONE) {
        code = database_run(r->database, "rollback", error);
    }
    for (int i = 0; i < count; i++) {
        deadletter_free(&letters[i]);
    }
    b->count = count;
    PQclear(rows);
    free(letters);
    return code;
}

/* Replays the next batch. *more: false when nothing is left. */
static enum error_code replay_next(struct replay *r, bool *more, struct error *error)
{
    struct batch batch = {0}, readable = {0}, none = {0};
    enum error_code code = take_batch(r, &batch, error);

    *more = batch.count > 0;
    if (code == ERROR_NONE && *more) {
        code = replay_batch(r, &batch, &readable, error);
    }
    if (code == ERROR_NONE && readable.count > 0 && readable.count < batch.count) {
        code = replay_batch(r, &readable, &none, error);
    }
    buf_free(&batch.array);
    buf_free(&readable.array);
    buf_free(&none.array);
    return code;
}

static enum error_code replay_all(struct replay *r, const struct mover_settings *settings,
                                  struct error *error)
{
    struct audit audit;
    bool more = true, audited = false;
    enum error_code code = deadsend_open(&r->send, &settings->broker, &settings->delays, r->rate, error);

    if (code == ERROR_NONE) {
        code = audit_begin(&audit, r->database, NAME, r->argument_count, r->arguments, error);
        audited = code == ERROR_NONE;
    }
    while (code == ERROR_NONE && more && !r->stopped && !signals_drain_requested()) {
        code = replay_next(r, &more, error);
    }
    if (r->send.refused > 0) {
        report_problem(NAME,
                       "the broker refused %zu: is the queue %s at QUEUE_MAX_BYTES? Try again later, and"
                       " use --rate to send more slowly",
                       r->send.refused, r->send.exchange);
    }
    if (r->send.returned > 0) {
        report_problem(NAME, "the broker returned %zu: no queue is bound to %s; run sluice setup",
                       r->send.returned, r->send.exchange);
    }
    if (signals_drain_requested()) {
        report_problem(NAME, "interrupted; run it again for the rest");
        r->stopped = true;
    }
    deadsend_close(&r->send);
    if (audited) {
        audit_end(&audit, r->replayed, code);
    }
    return code;
}

static enum error_code replay(struct replay *r, const struct mover_settings *settings, struct error *error)
{
    int64_t all = 0, unreadable = 0;
    /* A replay that hangs in a batch keeps its rows locked for at most 60 s. lock_timeout is below the
     * broker's heartbeat timeout, so waiting for another replay loses no connection. */
    enum error_code code = database_run(r->database,
                                        "set statement_timeout = '60s';"
                                        " set lock_timeout = '8s';"
                                        " set idle_in_transaction_session_timeout = '60s'",
                                        error);

    if (code == ERROR_NONE) {
        code = deadfilter_begin(&r->filter, r->database, error);
    }
    if (code == ERROR_NONE) {
        code = deadfilter_count(&r->filter, r->database, &all, &unreadable, error);
    }
    if (code != ERROR_NONE) {
        return code;
    }
    if (unreadable > 0) {
        report_problem(NAME, "%" PRId64 " can't be replayed: their messages were not readable envelopes",
                       unreadable);
        r->left = unreadable;
    }
    if (r->dry_run) {
        report_line("would replay %" PRId64 " of %" PRId64, all - unreadable, all);
        return ERROR_NONE;
    }
    code = all == unreadable ? ERROR_NONE : replay_all(r, settings, error);
    report_line("replayed %" PRId64 " of %" PRId64, r->replayed, all);
    return code;
}

static const struct option_rule rules[] = {
    DEADFILTER_RULES(struct replay),
    DEADFILTER_ALL_RULE(struct replay),
    {"--rate", OPTION_NUMBER, offsetof(struct replay, rate), "N", "at most N a second", 1, RATE_MOST},
    {"--dry-run", OPTION_FLAG, offsetof(struct replay, dry_run), NULL, "only print how many", 0, 0},
    OPTION_END,
};

static enum exit_code run(const void *any_settings, int count, char **arguments)
{
    const struct mover_settings *settings = any_settings;
    struct replay r = {
        .filter = DEADFILTER_ANY, .last = "0", .argument_count = count, .arguments = arguments};
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
        code = database_open(&r.database, settings->database_url, settings->database_password, NAME, &error);
    }
    if (code == ERROR_NONE) {
        code = replay(&r, settings, &error);
    }
    deadfilter_end(&r.filter);
    PQfinish(r.database);
    if (code != ERROR_NONE) {
        return report_error(NAME, &error);
    }
    return r.left == 0 && !r.stopped ? EXIT_DONE : EXIT_NO;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "--all|FILTER... [--rate N] [--dry-run]",
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

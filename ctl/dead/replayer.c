/* SPDX-License-Identifier: MIT */
#include "replayer.h"

#include "clock.h"
#include "ctl/audit.h"
#include "ctl/database.h"
#include "ctl/republish/publisher.h"
#include "signals.h"
#include "table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH_MAX 500 /* at most PUBLISHER_OUTSTANDING_MAX */
#define BATCH_BYTES (INT64_C(4) << 20)
#define SENTENCE_MAX 768

struct replayer {
    const struct deadfilter *filter;
    PGconn *database;
    const struct replayer_options *options;
    struct replayer_result *result;
    struct publisher publisher;
    char last[24]; /* last dead_id processed */
};

__attribute__((format(printf, 2, 3))) static void complain(const struct replayer *r, const char *format, ...)
{
    char sentence[SENTENCE_MAX];
    va_list arguments;

    va_start(arguments, format);
    (void)text_format(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    r->options->complain(r->options->context, sentence);
}

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
static enum error_code take_batch(struct replayer *r, struct batch *b, struct error *error)
{
    int most = r->options->rate > 0 && r->options->rate < BATCH_MAX ? (int)r->options->rate : BATCH_MAX;
    char limit[24];
    const char *const more[] = {r->last, limit};
    PGresult *rows = NULL;
    int64_t bytes = 0;
    enum error_code code;

    (void)snprintf(limit, sizeof limit, "%d", most);
    code = deadfilter_query(r->filter, r->database, &rows, deadtable_candidates, 2, more, error);
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
static enum error_code read_letters(struct replayer *r, const PGresult *rows, struct message *letters,
                                    struct batch *readable, struct error *error)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        enum error_code code = message_read(&letters[i], rows, i, 0, error);

        if (code == ERROR_MALFORMED || code == ERROR_LIMIT) {
            complain(r, "dead letter %s stays: %s", letters[i].name, error->text);
            r->result->left++;
        } else if (code != ERROR_NONE) {
            return code;
        } else {
            batch_add(readable, letters[i].name);
        }
    }
    buf_append_char(&readable->array, '}');
    return ERROR_NONE;
}

static enum error_code publish_letters(struct replayer *r, const struct message *letters, int count,
                                       struct error *error)
{
    enum error_code code = ERROR_NONE;

    broker_gather(r->publisher.broker, r->options->rate == 0);
    for (int i = 0; code == ERROR_NONE && i < count; i++) {
        code = publisher_publish(&r->publisher, &letters[i], error);
    }
    broker_gather(r->publisher.broker, false);
    return code == ERROR_NONE ? publisher_finish(&r->publisher, error) : code;
}

/* Replays a batch in one transaction. Deleting the rows first locks out other replays; an event that dies
 * again at once waits for the end of the transaction and then gets a new row. The transaction commits only
 * when the broker has confirmed every message; after any other outcome the rows are as before. *readable: the
 * events that can be replayed; when they are not the whole batch, nothing was done. */
static enum error_code replay_batch(struct replayer *r, struct batch *b, struct batch *readable,
                                    struct error *error)
{
    const char *const parameters[] = {buf_text(&b->array)};
    struct message *letters = calloc((size_t)b->count, sizeof *letters);
    PGresult *rows = NULL;
    int count = 0;
    enum error_code code;

    if (letters == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for a batch");
    }
    code = database_run(r->database, "begin", error);
    if (code == ERROR_NONE) {
        code = database_query(r->database, &rows, deadtable_take, 1, parameters, error);
    }
    if (code == ERROR_NONE) {
        count = PQntuples(rows); /* fewer than in the batch when another replay took some */
        code = read_letters(r, rows, letters, readable, error);
    }
    if (code == ERROR_NONE && readable->count == count) {
        code = publish_letters(r, letters, count, error);
        r->result->stopped = r->publisher.refused + r->publisher.returned > 0;
    }
    if (code == ERROR_NONE && readable->count == count && !r->result->stopped) {
        code = database_run(r->database, "commit", error);
        r->result->replayed += code == ERROR_NONE ? count : 0;
    } else if (code == ERROR_NONE) {
        code = database_run(r->database, "rollback", error);
    }
    for (int i = 0; i < count; i++) {
        message_free(&letters[i]);
    }
    b->count = count;
    PQclear(rows);
    free(letters);
    return code;
}

/* Replays the next batch. *more: false when nothing is left. */
static enum error_code replay_next(struct replayer *r, bool *more, struct error *error)
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

enum error_code replayer_count(const struct deadfilter *filter, PGconn *database,
                               struct replayer_result *result, struct error *error)
{
    /* A replay that hangs in a batch keeps its rows locked for at most 60 s. lock_timeout is below the
     * broker's heartbeat timeout, so waiting for another replay loses no connection. */
    enum error_code code = database_run(database,
                                        "set statement_timeout = '60s';"
                                        " set lock_timeout = '8s';"
                                        " set idle_in_transaction_session_timeout = '60s'",
                                        error);

    *result = (struct replayer_result){0};
    return code == ERROR_NONE ? deadfilter_count(filter, database, &result->all, &result->left, error) : code;
}

/* Says why the rest stays. */
static void explain(const struct replayer *r)
{
    if (r->publisher.refused > 0) {
        complain(r,
                 "the broker refused %zu: is the queue %s at QUEUE_MAX_BYTES? Try again later, and"
                 " use --rate to send more slowly",
                 r->publisher.refused, publisher_target(&r->publisher));
    }
    if (r->publisher.returned > 0) {
        complain(r, "the broker returned %zu: no queue is bound to %s; run sluice setup",
                 r->publisher.returned, publisher_target(&r->publisher));
    }
    if (signals_drain_requested()) {
        complain(r, "interrupted; run it again for the rest");
    }
}

static bool must_end(const struct replayer *r)
{
    return r->result->stopped || signals_drain_requested() ||
           (r->options->deadline_us != 0 && clock_monotonic_us() >= r->options->deadline_us);
}

enum error_code replayer_run(const struct deadfilter *filter, PGconn *database,
                             const struct replayer_options *options, struct replayer_result *result,
                             struct error *error)
{
    struct replayer r = {
        .filter = filter, .database = database, .options = options, .result = result, .last = "0"};
    struct audit audit;
    bool more = true, audited = false;
    const struct publisher_options to = {.access = options->broker,
                                         .connection_name = "sluice dead replay",
                                         .delays = options->delays,
                                         .shards = options->shards,
                                         .rate = options->rate};
    enum error_code code = publisher_open(&r.publisher, &to, error);

    if (code == ERROR_NONE) {
        code = audit_begin(&audit, database, options->action, options->argument_count, options->arguments,
                           error);
        audited = code == ERROR_NONE;
    }
    while (code == ERROR_NONE && more && !must_end(&r)) {
        code = replay_next(&r, &more, error);
    }
    explain(&r);
    result->stopped = code == ERROR_NONE && more;
    publisher_close(&r.publisher);
    if (audited) {
        audit_end(&audit, result->replayed, code);
    }
    return code;
}

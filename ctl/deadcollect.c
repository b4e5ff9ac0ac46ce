/* SPDX-License-Identifier: MIT */
#include "broker.h"
#include "clock.h"
#include "database.h"
#include "death.h"
#include "drain.h"
#include "envelope.h"
#include "options.h"
#include "report.h"
#include "settings.h"
#include "subcommand.h"
#include "topology.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "dead collect"
#define BATCH 200
#define HEARTBEAT_S 20
/* The queue is empty when the broker counts no ready message and has sent none for so long. */
#define QUIET_MS 500

#define POSITIONS 16
static const char insert[] =
    "insert into webhooks_dead (source, id, keep, method, path, query, headers, content_type, remote, "
    "traceparent,"
    " body, properties, attempts, reason, worker, received_at, verdict)"
    " values ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, $11::bytea, $12::bytea, $13::int, $14, $15,"
    " timestamptz 'epoch' + $16::bigint / 1000000 * interval '1 second'"
    " + $16::bigint % 1000000 * interval '1 microsecond', 'given-up')"
    " on conflict do nothing";

struct collect {
    PGconn *database;
    struct broker *broker;
    int64_t collected, there_already;
    uint64_t last_tag; /* of the batch: the last that was stored */
    int in_hand;       /* stored in the open transaction and not acked */
};

/* --- a message as the statement's parameters ----------------------------------- */

/* All values, each with its NUL. */
struct values {
    struct buf text;
    size_t at[POSITIONS]; /* where each begins */
    bool null[POSITIONS];
    int count;
};

static void add(struct values *v, struct span value, bool null_when_empty)
{
    v->at[v->count] = v->text.len;
    v->null[v->count] = null_when_empty && value.len == 0;
    v->count++;
    buf_append_span(&v->text, value);
    buf_append_char(&v->text, '\0');
}

/* As Postgres reads bytea: \x6869. */
static void add_bytes(struct values *v, struct span bytes, bool null_when_empty)
{
    static const char digits[] = "0123456789abcdef";

    add(v, SPAN_LITERAL("\\x"), false);
    v->null[v->count - 1] = null_when_empty && bytes.len == 0;
    v->text.len--;
    (void)buf_reserve(&v->text, 2 * bytes.len + 1);
    for (size_t i = 0; i < bytes.len; i++) {
        buf_append_char(&v->text, digits[(unsigned char)bytes.data[i] >> 4]);
        buf_append_char(&v->text, digits[bytes.data[i] & 0xf]);
    }
    buf_append_char(&v->text, '\0');
}

static void add_number(struct values *v, int64_t number, bool null)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRId64, number);
    add(v, null ? (struct span){"", 0} : span_of(text), null);
}

static void add_envelope(struct values *v, const struct envelope *e, const struct broker_delivery *d,
                         bool unreadable)
{
    struct buf headers = {0};

    envelope_append_headers_json(e, &headers);
    add(v, e->source, false);
    add(v, e->id, false);
    add(v, unreadable ? e->id : span_of(e->keep == ENVELOPE_KEEP_FIRST ? "first" : "newest"), true);
    add(v, e->method, unreadable);
    add(v, e->path, unreadable);
    add(v, e->query, unreadable);
    add(v, buf_span(&headers), false);
    add(v, e->content_type, true);
    add(v, e->remote, true);
    add(v, e->traceparent, true);
    add_bytes(v, d->body, false);
    add_bytes(v, unreadable ? d->properties : (struct span){"", 0}, true);
    add_number(v, e->attempt + 1, false);
    v->text.failed = v->text.failed || headers.failed;
    buf_free(&headers);
}

static void add_message(struct values *v, const struct broker_delivery *d)
{
    struct envelope e;
    struct error unreadable = {0};
    bool malformed = envelope_decode(d->properties, &e, &unreadable) != ERROR_NONE;
    struct buf reason = {0};

    death_append_reason(&reason, e.deaths, TOPOLOGY_INGEST);
    if (malformed) {
        buf_printf(&reason, "; and no envelope: %s", unreadable.text);
        /* Nothing but the routing key is known, and even that may be no text. */
        e = (struct envelope){.source = span_is_text(d->routing_key) ? d->routing_key : span_of("unknown")};
    }
    add_envelope(v, &e, d, malformed);
    add(v, buf_span(&reason), false);
    add(v, span_of("sluice " NAME), false);
    add_number(v, e.received_us, malformed);
    v->text.failed = v->text.failed || reason.failed;
    buf_free(&reason);
}

/* --- from the queue to the table ----------------------------------------------- */

static enum error_code store(struct collect *c, const struct broker_delivery *d, struct error *error)
{
    struct values v = {.count = 0};
    const char *parameters[POSITIONS];
    PGresult *r = NULL;
    enum error_code code = ERROR_NONE;

    add_message(&v, d);
    if (v.text.failed) {
        code = error_set(error, ERROR_MEMORY, "no memory for a message of %zu bytes", d->body.len);
    }
    for (int i = 0; code == ERROR_NONE && i < POSITIONS; i++) {
        parameters[i] = v.null[i] ? NULL : v.text.data + v.at[i];
    }
    if (code == ERROR_NONE && c->in_hand == 0) {
        code = database_run(c->database, "begin", error);
    }
    if (code == ERROR_NONE) {
        code = database_query(c->database, &r, insert, POSITIONS, parameters, error);
    }
    if (code == ERROR_NONE) {
        bool new = strcmp(PQcmdTuples(r), "1") == 0;

        c->collected += new;
        c->there_already += !new;
        c->last_tag = d->tag;
        c->in_hand++;
    }
    PQclear(r);
    buf_free(&v.text);
    return code;
}

/* The ack only after the COMMIT: whoever is killed in between gets the messages once more, and the table's
 * unique index lets each stand once. */
static enum error_code commit(struct collect *c, struct error *error)
{
    enum error_code code;

    if (c->in_hand == 0) {
        return ERROR_NONE;
    }
    c->in_hand = 0;
    code = database_run(c->database, "commit", error);
    return code == ERROR_NONE ? broker_ack(c->broker, c->last_tag, true, error) : code;
}

/* Stores what the broker has sent; *idle: it was nothing. */
static enum error_code take_deliveries(struct collect *c, bool *idle, struct error *error)
{
    struct broker_event event;
    enum error_code code = ERROR_NONE;

    *idle = true;
    while (code == ERROR_NONE) {
        broker_next(c->broker, &event, error);
        switch (event.kind) {
        case BROKER_IDLE:
            return commit(c, error);
        case BROKER_DELIVERY:
            *idle = false;
            code = store(c, event.delivery, error);
            free(event.delivery);
            if (code == ERROR_NONE && c->in_hand == BATCH) {
                code = commit(c, error);
            }
            break;
        case BROKER_CANCELLED:
            return error_set(error, ERROR_NOT_FOUND,
                             "the broker ended the consumer: was %s deleted? Run sluice setup",
                             TOPOLOGY_DEAD);
        case BROKER_CLOSED:
            return error->code;
        case BROKER_ACK:
        case BROKER_NACK:
        case BROKER_RETURNED:
        case BROKER_BLOCKED:
        case BROKER_UNBLOCKED:
            break;
        }
    }
    return code;
}

static enum error_code collect_all(struct collect *c, struct error *error)
{
    uint32_t ready = 0, consumers = 0;
    bool empty = false, idle = false;
    enum error_code code = broker_prefetch(c->broker, BATCH, error);

    if (code == ERROR_NONE) {
        code = broker_consume(c->broker, TOPOLOGY_DEAD, error);
    }
    while (code == ERROR_NONE && !empty && !drain_requested()) {
        code = take_deliveries(c, &idle, error);
        if (code == ERROR_NONE && idle) {
            struct pollfd fd = {.fd = broker_fd(c->broker), .events = POLLIN};

            code = broker_inspect(c->broker, TOPOLOGY_DEAD, &ready, &consumers, error);
            /* What came with the answer lies buffered: look before waiting. */
            if (code == ERROR_NONE) {
                code = take_deliveries(c, &idle, error);
            }
            empty = idle && poll(&fd, 1, QUIET_MS) == 0 && ready == 0;
        }
    }
    return code;
}

static enum error_code collect(struct collect *c, bool dry_run, struct error *error)
{
    uint32_t ready = 0, consumers = 0;
    enum error_code code = broker_inspect(c->broker, TOPOLOGY_DEAD, &ready, &consumers, error);

    if (code == ERROR_NOT_FOUND) {
        return error_set(error, code, "the broker has no queue %s; has `sluice setup` been run?",
                         TOPOLOGY_DEAD);
    }
    if (code != ERROR_NONE) {
        return code;
    }
    if (dry_run) {
        report_line("would collect %" PRIu32, ready);
        return ERROR_NONE;
    }
    code = database_run(c->database, "set statement_timeout = '15s'; set lock_timeout = '8s'", error);
    if (code == ERROR_NONE) {
        code = collect_all(c, error);
    }
    report_line("collected %" PRId64 "; there already %" PRId64, c->collected, c->there_already);
    return code;
}

static enum exit_code run(const void *any_settings, int count, char **arguments)
{
    const struct mover_settings *settings = any_settings;
    const struct broker_options options = {
        .access = &settings->broker, .connection_name = "sluice " NAME, .heartbeat_s = HEARTBEAT_S};
    struct collect c = {0};
    bool dry_run = false;
    const struct option_rule rules[] = {{"--dry-run", OPTION_FLAG, &dry_run, 0, 0}, {0}};
    struct error error = {0};
    enum error_code code;

    if (!options_read(NAME, rules, count, arguments)) {
        return EXIT_USAGE;
    }
    code = drain_install(&error);
    if (code == ERROR_NONE) {
        code = database_open(&c.database, settings->database_url, settings->database_password, NAME, &error);
    }
    if (code == ERROR_NONE) {
        code = broker_open(&c.broker, &options, &error);
    }
    if (code == ERROR_NONE) {
        code = collect(&c, dry_run, &error);
    }
    broker_close(c.broker, code == ERROR_NONE);
    PQfinish(c.database);
    if (code != ERROR_NONE) {
        return report_error(NAME, &error);
    }
    if (drain_requested()) {
        report_problem(NAME, "interrupted; run it again for the rest");
        return EXIT_NO;
    }
    return EXIT_DONE;
}

const struct subcommand dead_collect_command = {
    .name = NAME,
    .arguments = "[--dry-run]",
    .summary = "move what the broker gave up into the table",
    .help =
        "Empties the queue " TOPOLOGY_DEAD
        " into the table webhooks_dead, with the verdict given-up and the broker's\n"
        "reason: what was delivered too often without an ack, since its worker died each time. Ends when\n"
        "the queue is empty. May be interrupted at any time: each event stands once.\n"
        "\n"
        "  --dry-run  only say how many are ready\n",
    .settings = settings_mover,
    .run = run,
};

/* SPDX-License-Identifier: MIT */
#include "upsert.h"

#include "properties.h"

#include <string.h>

#define STORE_NEWEST "sluice_store_newest"
#define STORE_ORDERED "sluice_store_ordered"
#define STORE_FIRST "sluice_store_first"
#define STORE_AGAIN "sluice_store_again"
#define BURY "sluice_bury"
#define FLUSH "sluice_flush"
#define SYNCHRONOUS "sluice_synchronous"
#define DEAD_ROWS "sluice_dead_rows"
#define DISK_ON "sluice_wait_for_disk"
#define DISK_OFF "sluice_wait_for_nothing"

#define BINARY 1

/* Microseconds from 1970 to 2000, where Postgres' binary timestamps begin. */
#define POSTGRES_EPOCH_US INT64_C(946684800000000)

/* When an event wins over the row: one without an order, one with an order, one of which the first is kept.
 * No order is less than any. Postgres prepares each comparison anew for every execution, so they are short.
 */
#define NEWEST "(w.order_value is null and (excluded.received_at, excluded.body) > (w.received_at, w.body))"
#define ORDERED                                                                              \
    "(w.order_value is null or (excluded.order_value, excluded.received_at, excluded.body) " \
    "> (w.order_value, w.received_at, w.body))"
#define FIRST "(excluded.received_at, excluded.body) < (w.received_at, w.body)"

#define WINNERS(column, wins) \
#column " = case when " wins " then excluded." #column " else w." #column " end, "
/* more: another column, with its value. order: sets the winner's order; without it the row's stays, which
 * with NEWEST is none. */
#define MERGE(more, values, wins, order)                                                                     \
    "insert into webhooks_raw as w (source, id, method, path, query, headers, content_type, body, "          \
    "received_at, first_received_at" more ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9" values ") "     \
    "on conflict (id, source) do update set " WINNERS(method, wins) WINNERS(path, wins) WINNERS(query, wins) \
        WINNERS(headers, wins) WINNERS(content_type, wins) WINNERS(body, wins) WINNERS(received_at, wins)    \
            order "first_received_at = least(w.first_received_at, excluded.received_at), stored_at = now() " \
                  "where " wins " or excluded.received_at < w.first_received_at "                            \
                  "returning xmax = 0, received_at = $9"

/* Sets what a merge sets, to what it is, so that the same triggers run. Only the row that has just this
 * version is touched: one that is newer, or that has gone, stays so. */
#define TOUCH                                                                                          \
    "update webhooks_raw set method = method, path = path, query = query, headers = headers, "         \
    "content_type = content_type, body = body, received_at = received_at, order_value = order_value, " \
    "first_received_at = first_received_at, stored_at = now() where id = $2 and source = $1 "          \
    "and received_at = $9 and body = $8 and order_value is not distinct from $10 returning false, true"

/* Types of the nine parameters of an event, and of its order. Without them the server would guess the type of
 * a parameter that is compared or used twice. */
#define EVENT_TYPES "text, text, text, text, text, jsonb, text, bytea, timestamptz"
#define ORDER_TYPE ", int8"

static const char *const statements[] = {
    "prepare " STORE_NEWEST " (" EVENT_TYPES ") as " MERGE("", "", NEWEST, ""),
    "prepare " STORE_ORDERED " (" EVENT_TYPES ORDER_TYPE
    ") as " MERGE(", order_value", ", $10", ORDERED, WINNERS(order_value, ORDERED)),
    "prepare " STORE_FIRST " (" EVENT_TYPES ") as " MERGE("", "", FIRST, "order_value = null, "),
    "prepare " STORE_AGAIN " (" EVENT_TYPES ORDER_TYPE ") as " TOUCH,
    "prepare " BURY " (" EVENT_TYPES ORDER_TYPE ", text, text, text, bytea, int4, text, text, text, text) as "
    "insert into webhooks_dead (source, id, method, path, query, headers, content_type, body, received_at, "
    "order_value, keep, remote, traceparent, properties, attempts, verdict, sqlstate, reason, worker) "
    "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) "
    "on conflict do nothing",
    "prepare " DISK_ON " as select set_config('synchronous_commit', 'on', false)",
    "prepare " DISK_OFF " as select set_config('synchronous_commit', 'off', false)",
    "prepare " FLUSH " as select pg_logical_emit_message(true, 'sluice', ''::text)",
    "prepare " SYNCHRONOUS " as select " UPSERT_IS_SYNCHRONOUS,
    "prepare " DEAD_ROWS " as select pg_stat_get_live_tuples(to_regclass('webhooks_dead'))",
};

void upsert_append_statements(struct buf *out)
{
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        buf_append_text(out, statements[i]);
        buf_append_char(out, ';');
    }
}

#define BURY_PARAMETERS 19

/* Parameters of one statement, all in binary format: a text parameter would end at its first NUL. */
struct parameters {
    const char *values[BURY_PARAMETERS];
    int lengths[BURY_PARAMETERS];
    int formats[BURY_PARAMETERS];
    int count;
};

static void add(struct parameters *p, struct span value)
{
    p->values[p->count] = value.data;
    p->lengths[p->count] = (int)value.len; /* bodies and headers are far below 2 GiB */
    p->formats[p->count] = BINARY;
    p->count++;
}

static const struct span null = {NULL, 0};

static struct span or_null(struct span s)
{
    return s.len == 0 ? null : s;
}

static void put_big_endian(char *bytes, uint64_t value, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (char)(value >> (8 * (count - 1 - i)));
    }
}

/* Adds the nine parameters that all event statements begin with. received and scratch must live until the
 * statement is sent. */
static bool add_event(struct parameters *p, const struct event *event, char received[8], struct buf *scratch)
{
    const struct envelope *e = &event->envelope;

    buf_clear(scratch);
    buf_append_char(scratch, 1); /* version of jsonb's binary format */
    envelope_append_headers_json(e, scratch);
    put_big_endian(received, (uint64_t)(e->received_us - POSTGRES_EPOCH_US), 8);
    add(p, e->source);
    add(p, e->id);
    add(p, e->method);
    add(p, e->path);
    add(p, e->query);
    add(p, buf_span(scratch));
    add(p, or_null(e->content_type));
    add(p, event->delivery->body);
    add(p, (struct span){received, 8});
    return !scratch->failed;
}

/* order must live until the statement is sent. */
static void add_order(struct parameters *p, const struct envelope *e, char order[8])
{
    put_big_endian(order, (uint64_t)e->order, 8);
    add(p, e->has_order ? (struct span){order, 8} : null);
}

static bool send_prepared(PGconn *connection, const char *statement, const struct parameters *p)
{
    return PQsendQueryPrepared(connection, statement, p->count, p->values, p->lengths, p->formats, BINARY) ==
           1;
}

bool upsert_send(PGconn *connection, const struct event *event, struct buf *scratch)
{
    const struct envelope *e = &event->envelope;
    struct parameters p = {.count = 0};
    char received[8], order[8];
    const char *statement = NULL;

    if (!add_event(&p, event, received, scratch)) {
        return false;
    }
    switch (e->keep) {
    case ENVELOPE_KEEP_NEWEST:
        statement = e->has_order ? STORE_ORDERED : STORE_NEWEST;
        break;
    case ENVELOPE_KEEP_FIRST:
        statement = STORE_FIRST;
        break;
    case ENVELOPE_KEEP_AGAIN:
        statement = STORE_AGAIN;
        break;
    }
    if (e->keep == ENVELOPE_KEEP_AGAIN || (e->has_order && e->keep == ENVELOPE_KEEP_NEWEST)) {
        add_order(&p, e, order);
    }
    return send_prepared(connection, statement, &p);
}

/* Postgres refused the full reason of a plain event; the SQLSTATE has its own column. */
static const char *reason_of(const struct event *event)
{
    if (event->plain) {
        return "see sqlstate: Postgres refused to store its own error message";
    }
    return event->reason == NULL ? "unknown: there was no memory for the reason" : event->reason;
}

/* The properties of a malformed message without the headers that brokers add, so that a redelivery makes the
 * same dead letter. Properties that can't be decoded are kept as they came. */
static struct span publishers_properties(const struct event *event, struct buf *stripped)
{
    return properties_strip(event->delivery->properties, stripped, NULL) == ERROR_NONE
               ? buf_span(stripped)
               : event->delivery->properties;
}

/* Only the routing key of a malformed message is known, and it may not be valid text. */
static void leave_unknown(struct parameters *p, const struct event *event)
{
    if (!span_is_text(event->envelope.source)) {
        p->values[0] = "unknown", p->lengths[0] = (int)strlen("unknown");
    }
    p->values[8] = NULL;
}

bool upsert_send_dead(PGconn *connection, const struct event *event, const char *worker, struct buf *scratch)
{
    const struct envelope *e = &event->envelope;
    bool malformed = event->form == EVENT_MALFORMED, sent;
    struct parameters p = {.count = 0};
    struct buf properties = {0};
    char received[8], order[8], attempts[4];

    if (!add_event(&p, event, received, scratch)) {
        return false;
    }
    add_order(&p, e, order);
    put_big_endian(attempts, (uint64_t)e->attempt + 1, 4);
    add(&p, span_of(envelope_keep_name(e->keep)));
    add(&p, or_null(e->remote));
    add(&p, or_null(e->traceparent));
    add(&p, malformed ? publishers_properties(event, &properties) : null);
    add(&p, (struct span){attempts, 4});
    add(&p, span_of(malformed ? "malformed" : verdict_name(event->verdict)));
    add(&p, or_null(span_of(event->sqlstate)));
    add(&p, span_of(reason_of(event)));
    add(&p, span_of(worker));
    if (malformed) {
        leave_unknown(&p, event);
    }
    sent = send_prepared(connection, BURY, &p);
    buf_free(&properties);
    return sent;
}

bool upsert_send_wait_for_disk(PGconn *connection, bool wait)
{
    const struct parameters none = {.count = 0};

    return send_prepared(connection, wait ? DISK_ON : DISK_OFF, &none);
}

bool upsert_send_flush(PGconn *connection)
{
    const struct parameters none = {.count = 0};

    return send_prepared(connection, FLUSH, &none);
}

bool upsert_ask_synchronous(PGconn *connection)
{
    const struct parameters none = {.count = 0};

    return send_prepared(connection, SYNCHRONOUS, &none);
}

bool upsert_is_synchronous(const PGresult *result)
{
    return PQntuples(result) == 1 && PQgetlength(result, 0, 0) == 1 && PQgetvalue(result, 0, 0)[0] == 1;
}

bool upsert_ask_dead_rows(PGconn *connection)
{
    const struct parameters none = {.count = 0};

    return send_prepared(connection, DEAD_ROWS, &none);
}

int64_t upsert_dead_rows(const PGresult *result)
{
    uint64_t rows = 0;

    if (PQntuples(result) != 1 || PQgetlength(result, 0, 0) != 8) {
        return -1; /* null: there is no such table */
    }
    for (int i = 0; i < 8; i++) {
        rows = rows << 8 | (unsigned char)PQgetvalue(result, 0, 0)[i];
    }
    return (int64_t)rows;
}

enum event_state upsert_outcome(const PGresult *result)
{
    /* The where clause left the row as it was. */
    if (PQntuples(result) == 0) {
        return EVENT_UNCHANGED;
    }
    if (PQgetvalue(result, 0, 0)[0] != 0) {
        return EVENT_STORED;
    }
    /* Otherwise only first_received_at changed, to an earlier time. */
    return PQgetvalue(result, 0, 1)[0] != 0 ? EVENT_REPLACED : EVENT_UNCHANGED;
}

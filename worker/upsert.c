/* SPDX-License-Identifier: MIT */
#include "upsert.h"

#include "merge.h"
#include "properties.h"

#include <string.h>

#define STORE_NEWEST "sluice_store_newest"
#define STORE_ORDERED "sluice_store_ordered"
#define STORE_FIRST "sluice_store_first"
#define STORE_AGAIN "sluice_store_again"
#define ROWS_NEWEST "sluice_rows_newest"
#define ROWS_ORDERED "sluice_rows_ordered"
#define ROWS_FIRST "sluice_rows_first"
#define BURY "sluice_bury"
#define FLUSH "sluice_flush"
#define SYNCHRONOUS "sluice_synchronous"
#define DEAD_ROWS "sluice_dead_rows"
#define DISK_ON "sluice_wait_for_disk"
#define DISK_OFF "sluice_wait_for_nothing"
#define SHORT_TIME "sluice_short_time"
#define FULL_TIME "sluice_full_time"

#define BINARY 1

/* Microseconds from 1970 to 2000, where Postgres' binary timestamps begin. */
#define POSTGRES_EPOCH_US INT64_C(946684800000000)

/* Types of the nine parameters of an event, and of its order. Without them the server would guess the type of
 * a parameter that is compared or used twice. */
#define EVENT_TYPES "text, text, text, text, text, jsonb, text, bytea, timestamptz"
#define ORDER_TYPE ", int8"
#define ARRAY_TYPES "text[], text[], text[], text[], text[], jsonb[], text[], bytea[], timestamptz[]"
#define ORDERS_TYPE ", int8[]"
#define EVENT_COLUMNS 9 /* without the order */
/* The same as OIDs, which no release of Postgres changes. */
static const uint32_t types[ROWS_COLUMNS] = {25, 25, 25, 25, 25, 3802, 25, 17, 1184, 20};

/* Who holds a lock, or a trigger, may keep one statement waiting for long. One with several events doesn't
 * wait for so long, since they are sent again one by one. */
#define TIMES(lock, statement)                                                                          \
    "select set_config('lock_timeout', '" lock "', false), set_config('statement_timeout', '" statement \
    "', false)"

static const char *const statements[] = {
    "prepare " STORE_NEWEST " (" EVENT_TYPES ") as " ONE("", "", NEWEST, ""),
    "prepare " STORE_ORDERED " (" EVENT_TYPES ORDER_TYPE
    ") as " ONE(", order_value", ", $10", ORDERED, WINNERS(order_value, ORDERED)),
    "prepare " STORE_FIRST " (" EVENT_TYPES ") as " ONE("", "", FIRST, "order_value = null, "),
    "prepare " ROWS_NEWEST " (" ARRAY_TYPES ") as " SEVERAL("", "", NEWEST, ""),
    "prepare " ROWS_ORDERED " (" ARRAY_TYPES ORDERS_TYPE
    ") as " SEVERAL(", order_value", ", $10", ORDERED, WINNERS(order_value, ORDERED)),
    "prepare " ROWS_FIRST " (" ARRAY_TYPES ") as " SEVERAL("", "", FIRST, "order_value = null, "),
    "prepare " STORE_AGAIN " (" EVENT_TYPES ORDER_TYPE ") as " TOUCH,
    "prepare " BURY " (" EVENT_TYPES ORDER_TYPE ", text, text, text, bytea, int4, text, text, text, text) as "
    "insert into webhooks_dead (source, id, method, path, query, headers, content_type, body, received_at, "
    "order_value, keep, remote, traceparent, properties, attempts, verdict, sqlstate, reason, worker) "
    "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) "
    "on conflict do nothing",
    "prepare " DISK_ON " as select set_config('synchronous_commit', 'on', false)",
    "prepare " DISK_OFF " as select set_config('synchronous_commit', 'off', false)",
    "prepare " SHORT_TIME " as " TIMES("500ms", "5s"),
    "prepare " FULL_TIME " as " TIMES(UPSERT_LOCK_TIMEOUT, UPSERT_STATEMENT_TIMEOUT),
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

/* The values that all event statements begin with: the nine, and the order. */
struct values {
    struct span of[ROWS_COLUMNS];
    char received[8], order[8];
};

/* scratch must live as long as the values. */
static bool take_values(struct values *v, const struct event *event, struct buf *scratch)
{
    const struct envelope *e = &event->envelope;

    buf_clear(scratch);
    buf_append_char(scratch, 1); /* version of jsonb's binary format */
    envelope_append_headers_json(e, scratch);
    put_big_endian(v->received, (uint64_t)(e->received_us - POSTGRES_EPOCH_US), 8);
    put_big_endian(v->order, (uint64_t)e->order, 8);
    v->of[0] = e->source;
    v->of[1] = e->id;
    v->of[2] = e->method;
    v->of[3] = e->path;
    v->of[4] = e->query;
    v->of[5] = buf_span(scratch);
    v->of[6] = or_null(e->content_type);
    v->of[7] = event->delivery->body;
    v->of[8] = (struct span){v->received, 8};
    v->of[9] = e->has_order ? (struct span){v->order, 8} : null;
    return !scratch->failed;
}

static void add_values(struct parameters *p, const struct values *v, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add(p, v->of[i]);
    }
}

static bool send_prepared(PGconn *connection, const char *statement, const struct parameters *p)
{
    return PQsendQueryPrepared(connection, statement, p->count, p->values, p->lengths, p->formats, BINARY) ==
           1;
}

struct statement {
    const char *one, *several;
    size_t columns;
};

static struct statement statement_for(const struct envelope *e)
{
    switch (e->keep) {
    case ENVELOPE_KEEP_NEWEST:
        return e->has_order ? (struct statement){STORE_ORDERED, ROWS_ORDERED, EVENT_COLUMNS + 1}
                            : (struct statement){STORE_NEWEST, ROWS_NEWEST, EVENT_COLUMNS};
    case ENVELOPE_KEEP_FIRST:
        return (struct statement){STORE_FIRST, ROWS_FIRST, EVENT_COLUMNS};
    case ENVELOPE_KEEP_AGAIN:
        break;
    }
    return (struct statement){STORE_AGAIN, NULL, EVENT_COLUMNS + 1};
}

static bool send_one(PGconn *connection, const struct event *event, struct buf *scratch)
{
    struct statement statement = statement_for(&event->envelope);
    struct parameters p = {.count = 0};
    struct values values;

    if (!take_values(&values, event, scratch)) {
        return false;
    }
    add_values(&p, &values, statement.columns);
    return send_prepared(connection, statement.one, &p);
}

bool upsert_send(PGconn *connection, struct event *const *events, size_t count, struct rows *rows,
                 struct buf *scratch)
{
    struct statement statement = statement_for(&events[0]->envelope);
    struct parameters p = {.count = 0};
    struct values values;

    if (count == 1) {
        return send_one(connection, events[0], scratch);
    }
    rows_begin(rows, types, statement.columns, count);
    for (size_t i = 0; i < count; i++) {
        if (!take_values(&values, events[i], scratch)) {
            return false;
        }
        rows_add(rows, values.of, statement.columns);
    }
    for (size_t i = 0; i < statement.columns; i++) {
        if (rows->columns[i].failed) {
            return false;
        }
        add(&p, buf_span(&rows->columns[i]));
    }
    return send_prepared(connection, statement.several, &p);
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
    struct values values;
    char attempts[4];

    if (!take_values(&values, event, scratch)) {
        return false;
    }
    add_values(&p, &values, EVENT_COLUMNS + 1);
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

bool upsert_send_time(PGconn *connection, bool is_short)
{
    const struct parameters none = {.count = 0};

    return send_prepared(connection, is_short ? SHORT_TIME : FULL_TIME, &none);
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

/* fresh: the row was inserted. newest: it has this event's body. */
static enum event_state outcome(bool fresh, bool newest)
{
    if (fresh) {
        return EVENT_STORED;
    }
    /* Otherwise only first_received_at changed, to an earlier time. */
    return newest ? EVENT_REPLACED : EVENT_UNCHANGED;
}

static struct span value_of(const PGresult *result, int row, int column)
{
    return (struct span){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

static bool has_key(const PGresult *result, int row, const struct envelope *e)
{
    return span_equal(value_of(result, row, 2), e->source) && span_equal(value_of(result, row, 3), e->id);
}

/* What was left as it was, or suppressed by a trigger, is not among the rows. When each event that is left
 * has one, keys aren't compared: a trigger may have changed them. */
static void take_outcomes(const PGresult *result, struct event *const *events, size_t count)
{
    size_t rows = (size_t)PQntuples(result), row = 0;

    for (size_t i = 0; i < count; i++) {
        const struct envelope *e = &events[i]->envelope;
        bool all = rows - row >= count - i;
        char received[8];

        if (row == rows || !(all || has_key(result, (int)row, e))) {
            events[i]->state = EVENT_UNCHANGED;
            continue;
        }
        put_big_endian(received, (uint64_t)(e->received_us - POSTGRES_EPOCH_US), 8);
        events[i]->state = outcome(PQgetvalue(result, (int)row, 0)[0] != 0,
                                   span_equal(value_of(result, (int)row, 1), (struct span){received, 8}));
        row++;
    }
}

void upsert_outcomes(const PGresult *result, struct event *const *events, size_t count)
{
    if (count > 1) {
        take_outcomes(result, events, count);
    } else if (PQntuples(result) == 0) {
        events[0]->state = EVENT_UNCHANGED; /* the where clause, or a trigger, left the row as it was */
    } else {
        events[0]->state = outcome(PQgetvalue(result, 0, 0)[0] != 0, PQgetvalue(result, 0, 1)[0] != 0);
    }
}

/* SPDX-License-Identifier: MIT */
#include "row.h"

#include "death.h"
#include "envelope.h"
#include "properties.h"
#include "topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REASON_MAX 500 /* bytes; the same as in a worker */
#define BINARY 1

/* A row under construction: its text buffer may still move. */
struct making {
    struct deadrow *row;
    size_t at[DEADROW_COLUMNS]; /* offset of each text in row->text */
    bool is_text[DEADROW_COLUMNS];
};

static void put_text(struct making *m, enum deadrow_column column, struct span value)
{
    m->at[column] = m->row->text.len;
    m->is_text[column] = true;
    buf_append_span(&m->row->text, value);
    buf_append_char(&m->row->text, '\0');
}

static void put_text_or_null(struct making *m, enum deadrow_column column, struct span value)
{
    if (value.len > 0) {
        put_text(m, column, value);
    }
}

static void put_number(struct making *m, enum deadrow_column column, int64_t number)
{
    m->at[column] = m->row->text.len;
    m->is_text[column] = true;
    buf_printf(&m->row->text, "%" PRId64, number);
    buf_append_char(&m->row->text, '\0');
}

static void put_bytes(struct making *m, enum deadrow_column column, struct span bytes)
{
    m->row->values[column] = bytes.len == 0 ? "" : bytes.data;
    m->row->lengths[column] =
        (int)bytes.len; /* AMQP bodies are far below 2 GiB, and properties fit one frame */
    m->row->formats[column] = BINARY;
}

static void put_envelope(struct making *m, const struct envelope *e)
{
    struct buf headers = {0};

    envelope_append_headers_json(e, &headers);
    put_text(m, DEADROW_SOURCE, e->source);
    put_text(m, DEADROW_ID, e->id);
    put_text(m, DEADROW_KEEP, span_of(envelope_keep_name(e->keep)));
    put_text(m, DEADROW_METHOD, e->method);
    put_text(m, DEADROW_PATH, e->path);
    put_text(m, DEADROW_QUERY, e->query);
    put_text(m, DEADROW_HEADERS, buf_span(&headers));
    put_text_or_null(m, DEADROW_CONTENT_TYPE, e->content_type);
    put_text_or_null(m, DEADROW_REMOTE, e->remote);
    put_text_or_null(m, DEADROW_TRACEPARENT, e->traceparent);
    put_number(m, DEADROW_ATTEMPTS, e->attempt + 1);
    put_number(m, DEADROW_RECEIVED, e->received_us);
    if (e->has_order) {
        put_number(m, DEADROW_ORDER, e->order);
    }
    m->row->text.failed |= headers.failed;
    buf_free(&headers);
}

/* The properties without headers that brokers add, so that a redelivery makes the same row. */
static struct span publishers_properties(struct making *m, const struct broker_delivery *d)
{
    return properties_strip(d->properties, &m->row->properties, NULL) == ERROR_NONE
               ? buf_span(&m->row->properties)
               : d->properties;
}

/* For a message that is not an envelope: only the routing key is known, and it may not be valid text. */
static void put_what_there_is(struct making *m, const struct broker_delivery *d)
{
    put_text(m, DEADROW_SOURCE, span_is_text(d->routing_key) ? d->routing_key : SPAN_LITERAL("unknown"));
    put_text(m, DEADROW_ID, SPAN_LITERAL(""));
    put_text(m, DEADROW_HEADERS, SPAN_LITERAL("{}"));
    put_number(m, DEADROW_ATTEMPTS, 1);
    put_bytes(m, DEADROW_PROPERTIES, publishers_properties(m, d));
}

static void put_reason(struct making *m, struct span deaths, const struct error *unreadable)
{
    struct buf reason = {0};
    char shown[REASON_MAX + 1];

    death_append_reason(&reason, deaths, TOPOLOGY_INGEST);
    if (unreadable->code != ERROR_NONE) {
        buf_printf(&reason, "; and it is not an envelope: %s", unreadable->text);
    }
    put_text(m, DEADROW_REASON, (struct span){shown, text_copy(shown, sizeof shown, buf_span(&reason))});
    m->row->text.failed |= reason.failed;
    buf_free(&reason);
}

enum error_code deadrow_make(struct deadrow *row, const struct broker_delivery *d, struct span deaths,
                             const char *sqlstate, struct error *error)
{
    struct making m = {.row = row};
    struct envelope e;
    struct error unreadable = {0};
    char refused[24];

    *row = (struct deadrow){.text = {0}};
    if (envelope_decode(d->properties, &e, &unreadable) == ERROR_NONE) {
        put_envelope(&m, &e);
    } else {
        put_what_there_is(&m, d);
    }
    put_bytes(&m, DEADROW_BODY, d->body);
    put_text(&m, DEADROW_WORKER, SPAN_LITERAL("sluice dead collect"));
    if (sqlstate[0] == '\0') {
        put_reason(&m, deaths.len > 0 ? deaths : e.deaths, &unreadable);
    } else {
        (void)snprintf(refused, sizeof refused, "SQLSTATE %.5s", sqlstate);
        put_text(&m, DEADROW_REASON, span_of(refused));
    }
    if (row->text.failed) {
        return error_set(error, ERROR_MEMORY, "no memory for the row of a message of %zu bytes", d->body.len);
    }
    for (int i = 0; i < DEADROW_COLUMNS; i++) {
        if (m.is_text[i]) {
            row->values[i] = row->text.data + m.at[i];
        }
    }
    return ERROR_NONE;
}

void deadrow_free(struct deadrow *row)
{
    buf_free(&row->text);
    buf_free(&row->properties);
}

/* SPDX-License-Identifier: MIT */
#include "message.h"

#include <stdlib.h>

#define NAME_SHOWN 64 /* bytes shown of a header's name */

/* Empty when the column is null. */
static struct span text_of(const PGresult *r, int row, enum message_column column)
{
    return span_of(PQgetvalue(r, row, (int)column));
}

/* The headers are views into *members. */
static enum error_code take_headers(struct envelope *e, const cJSON *members, struct error *error)
{
    const cJSON *member;

    if (!cJSON_IsObject(members)) {
        return error_set(error, ERROR_MALFORMED, "its headers are not a JSON object");
    }
    cJSON_ArrayForEach(member, members)
    {
        if (!cJSON_IsString(member)) {
            return error_set(error, ERROR_MALFORMED, "its header %.*s is not a string",
                             (int)span_cut(span_of(member->string), NAME_SHOWN), member->string);
        }
        if (e->header_count == ENVELOPE_HEADERS_MAX) {
            return error_set(error, ERROR_LIMIT, "it has more than %d headers", ENVELOPE_HEADERS_MAX);
        }
        e->headers[e->header_count++] =
            (struct envelope_header){span_of(member->string), span_of(member->valuestring)};
    }
    return ERROR_NONE;
}

static enum error_code take_body(struct message *m, const PGresult *r, int row, struct error *error)
{
    m->body = PQunescapeBytea((const unsigned char *)PQgetvalue(r, row, MESSAGE_BODY), &m->body_len);
    return m->body == NULL ? error_set(error, ERROR_MEMORY, "no memory for its body") : ERROR_NONE;
}

enum error_code message_read(struct message *m, const PGresult *r, int row, int64_t replayed_us,
                             struct error *error)
{
    struct span headers = text_of(r, row, MESSAGE_HEADERS);
    struct envelope e = {
        .id = text_of(r, row, MESSAGE_ID),
        .source = text_of(r, row, MESSAGE_SOURCE),
        .method = text_of(r, row, MESSAGE_METHOD),
        .path = text_of(r, row, MESSAGE_PATH),
        .query = text_of(r, row, MESSAGE_QUERY),
        .content_type = text_of(r, row, MESSAGE_CONTENT_TYPE),
        .remote = text_of(r, row, MESSAGE_REMOTE),
        .traceparent = text_of(r, row, MESSAGE_TRACEPARENT),
        .received_us = atoll(PQgetvalue(r, row, MESSAGE_RECEIVED_US)),
        .has_order = !PQgetisnull(r, row, MESSAGE_ORDER),
        .order = atoll(PQgetvalue(r, row, MESSAGE_ORDER)),
        .replayed_us = replayed_us,
    };
    cJSON *members = cJSON_ParseWithLength(headers.data, headers.len);
    struct buf state = {0};
    enum error_code code;

    *m = (struct message){.name = PQgetvalue(r, row, MESSAGE_NAME), .source = e.source};
    if (PQgetvalue(r, row, MESSAGE_UNREADABLE)[0] == 't' || PQgetisnull(r, row, MESSAGE_RECEIVED_US) ||
        !envelope_keep_read(text_of(r, row, MESSAGE_KEEP), &e.keep)) {
        code = error_set(error, ERROR_MALFORMED, "its envelope could not be read when it came");
    } else {
        code = take_headers(&e, members, error);
    }
    if (code == ERROR_NONE) {
        envelope_carry_trace(&e, &state);
        code = state.failed ? error_set(error, ERROR_MEMORY, "no memory for its tracestate") : ERROR_NONE;
    }
    if (code == ERROR_NONE) {
        code = envelope_encode(&e, &m->properties, error);
    }
    if (code == ERROR_NONE) {
        code = take_body(m, r, row, error);
    }
    buf_free(&state);
    cJSON_Delete(members);
    return code;
}

void message_free(struct message *m)
{
    buf_free(&m->properties);
    PQfreemem(m->body);
    *m = (struct message){0};
}

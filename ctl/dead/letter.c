/* SPDX-License-Identifier: MIT */
#include "letter.h"

#include "table.h"

#include <stdlib.h>
#include <string.h>

#define NAME_SHOWN 64 /* bytes shown of a header's name */

/* Empty when the column is null. */
static struct span text_of(const PGresult *r, int row, enum deadletter_column column)
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

static enum error_code take_body(struct deadletter *letter, const PGresult *r, int row, struct error *error)
{
    letter->body =
        PQunescapeBytea((const unsigned char *)PQgetvalue(r, row, DEADLETTER_BODY), &letter->body_len);
    return letter->body == NULL ? error_set(error, ERROR_MEMORY, "no memory for its body") : ERROR_NONE;
}

enum error_code deadletter_read(struct deadletter *letter, const PGresult *r, int row, struct error *error)
{
    struct span headers = text_of(r, row, DEADLETTER_HEADERS);
    struct envelope e = {
        .id = text_of(r, row, DEADLETTER_ID),
        .source = text_of(r, row, DEADLETTER_SOURCE),
        .method = text_of(r, row, DEADLETTER_METHOD),
        .path = text_of(r, row, DEADLETTER_PATH),
        .query = text_of(r, row, DEADLETTER_QUERY),
        .content_type = text_of(r, row, DEADLETTER_CONTENT_TYPE),
        .remote = text_of(r, row, DEADLETTER_REMOTE),
        .traceparent = text_of(r, row, DEADLETTER_TRACEPARENT),
        .keep = strcmp(PQgetvalue(r, row, DEADLETTER_KEEP), "first") == 0 ? ENVELOPE_KEEP_FIRST
                                                                          : ENVELOPE_KEEP_NEWEST,
        .received_us = atoll(PQgetvalue(r, row, DEADLETTER_RECEIVED_US)),
        .has_order = !PQgetisnull(r, row, DEADLETTER_ORDER),
        .order = atoll(PQgetvalue(r, row, DEADLETTER_ORDER)),
    };
    cJSON *members = cJSON_ParseWithLength(headers.data, headers.len);
    struct buf state = {0};
    enum error_code code;

    *letter = (struct deadletter){.dead_id = PQgetvalue(r, row, DEADLETTER_DEAD_ID), .source = e.source};
    if (PQgetvalue(r, row, DEADLETTER_UNREADABLE)[0] == 't' || PQgetisnull(r, row, DEADLETTER_RECEIVED_US) ||
        PQgetisnull(r, row, DEADLETTER_KEEP)) {
        code = error_set(error, ERROR_MALFORMED, "its envelope could not be read when it came");
    } else {
        code = take_headers(&e, members, error);
    }
    if (code == ERROR_NONE) {
        envelope_carry_trace(&e, &state);
        code = state.failed ? error_set(error, ERROR_MEMORY, "no memory for its tracestate") : ERROR_NONE;
    }
    if (code == ERROR_NONE) {
        code = envelope_encode(&e, &letter->properties, error);
    }
    if (code == ERROR_NONE) {
        code = take_body(letter, r, row, error);
    }
    buf_free(&state);
    cJSON_Delete(members);
    return code;
}

void deadletter_free(struct deadletter *letter)
{
    buf_free(&letter->properties);
    PQfreemem(letter->body);
    *letter = (struct deadletter){0};
}

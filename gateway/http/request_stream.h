/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_REQUEST_STREAM_H
#define SLUICE_GATEWAY_HTTP_REQUEST_STREAM_H

/* Follows the bytes of one connection, request after request, before civetweb sees them. Finds the end of
 * each head and body, and checks chunked bodies (chunks). After a head whose body length is doubtful it
 * passes nothing on: body_length and head_check refuse that request, and the connection is closed. Pure. */

#include "chunks.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_STREAM_NAME_MAX 20  /* longer than the names that matter */
#define REQUEST_STREAM_VALUE_MAX 20 /* longer than "chunked" and any length that is accepted */

enum request_stream_at {
    REQUEST_STREAM_HEAD,
    REQUEST_STREAM_BODY,
    REQUEST_STREAM_CHUNKS,
    REQUEST_STREAM_STOPPED, /* passes nothing on any more */
};

struct request_stream {
    enum request_stream_at at;
    uint64_t heads;            /* number of heads that have ended */
    enum chunks_result result; /* of the last chunked body; CHUNKS_BAD and CHUNKS_LARGE stop the stream */
    uint64_t left;             /* of a body with a length */
    struct chunks chunks;
    /* Of the head: */
    bool begun, doubtful, chunked, has_length;
    uint64_t length;
    /* Of its line: */
    bool in_value, after_cr, blank_name, blanks;
    char name[REQUEST_STREAM_NAME_MAX], value[REQUEST_STREAM_VALUE_MAX];
    size_t name_len, value_len, bytes;
};

/* Starts a connection. */
void request_stream_begin(struct request_stream *stream);
/* Takes `len` received bytes. Moves those that civetweb may see to the front of the buffer, and returns their
 * number. */
size_t request_stream_take(struct request_stream *stream, char *bytes, size_t len);
/* Call when civetweb has read `heads` heads. True when it must have ended the last one where the stream did,
 * and the stream has no doubt about its body. Civetweb also ends a head at two LFs; other readers take what
 * follows for the rest of the head. */
bool request_stream_agrees(const struct request_stream *stream, uint64_t heads);

#endif

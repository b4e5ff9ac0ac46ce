/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_REQUEST_STREAM_H
#define SLUICE_GATEWAY_HTTP_REQUEST_STREAM_H

/* The bytes of one connection, one request after another, before civetweb sees them. It finds the end of each
 * head and of each body, and holds chunked bodies to their coding (chunks). After a head that leaves a doubt
 * about its body nothing goes on: body_length and head_check refuse such a request, and the connection
 * closes. Pure. */

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
    REQUEST_STREAM_STOPPED, /* nothing more goes on */
};

struct request_stream {
    enum request_stream_at at;
    uint64_t heads; /* how many have ended */
    enum chunks_result
        result;    /* of the last chunked body; CHUNKS_BAD and CHUNKS_LARGE have stopped the stream */
    uint64_t left; /* of a body with a length */
    struct chunks chunks;
    /* Of the head: */
    bool begun, doubtful, chunked, has_length;
    uint64_t length;
    /* Of its line: */
    bool in_value, after_cr, blank_name, blanks;
    char name[REQUEST_STREAM_NAME_MAX], value[REQUEST_STREAM_VALUE_MAX];
    size_t name_len, value_len, bytes;
};

/* A connection begins. */
void request_stream_begin(struct request_stream *stream);
/* Takes what has arrived. Keeps, in place and in front, what civetweb is to see; returns how many bytes these
 * are. */
size_t request_stream_take(struct request_stream *stream, char *bytes, size_t len);

#endif

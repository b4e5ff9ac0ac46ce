/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_CHUNKS_H
#define SLUICE_GATEWAY_HTTP_CHUNKS_H

/* Reads the chunked transfer coding (RFC 9112, 7.1) strictly: a reader that skips what it does not understand
 * may see the body end elsewhere than a proxy in front does, and the rest could be a hidden request. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNKS_LINE_MAX 1024      /* bytes of a chunk's size line, with its extensions */
#define CHUNKS_TRAILERS_MAX 8192  /* bytes of all trailers */
#define CHUNKS_SIZE_DIGITS_MAX 16 /* what a uint64_t holds */

enum chunks_result {
    CHUNKS_MORE, /* the body is not complete yet */
    CHUNKS_END,  /* the body is complete */
    CHUNKS_BAD,  /* the bytes violate the coding */
    CHUNKS_LARGE /* the chunk sizes so far exceed the limit */
};

enum chunks_step {
    CHUNKS_SIZE,
    CHUNKS_BEFORE_EXTENSION,
    CHUNKS_EXTENSION,
    CHUNKS_SIZE_LF,
    CHUNKS_DATA,
    CHUNKS_DATA_CR,
    CHUNKS_DATA_LF,
    CHUNKS_TRAILER_BEGIN,
    CHUNKS_TRAILER,
    CHUNKS_TRAILER_LF,
    CHUNKS_LAST_LF,
};

/* The state of one body. */
struct chunks {
    enum chunks_step step;
    uint64_t size;      /* of the chunk */
    uint64_t left;      /* of its data */
    uint64_t announced; /* the sizes of all chunks so far */
    uint64_t limit;     /* of announced */
    size_t digits, line, trailers;
};

/* Starts a body. limit: most bytes of data, in all chunks together. */
void chunks_begin(struct chunks *chunks, uint64_t limit);
/* Reads the next `len` bytes. Moves the data among them to the front of the buffer. *used: bytes read, which
 * is len unless the result is not CHUNKS_MORE. *kept: bytes of data, at most *used. Do not call it again
 * after such a result. */
enum chunks_result chunks_read(struct chunks *chunks, char *bytes, size_t len, size_t *used, size_t *kept);

#endif

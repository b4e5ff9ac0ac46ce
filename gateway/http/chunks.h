/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_CHUNKS_H
#define SLUICE_GATEWAY_HTTP_CHUNKS_H

/* The chunked coding (RFC 9112, 7.1), read strictly. Civetweb skips bytes that it does not understand in a
 * chunk size, so a proxy in front may see another end of the body: what follows it could be a hidden request.
 * Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNKS_LINE_MAX 1024            /* bytes of a chunk's size line, with its extensions */
#define CHUNKS_TRAILERS_MAX 8192        /* bytes of all trailers */
#define CHUNKS_SIZE_DIGITS_MAX 16       /* what a uint64_t holds */
#define CHUNKS_MOST (UINT64_C(1) << 40) /* bytes of any body: civetweb's own sums must not overflow */

enum chunks_result {
    CHUNKS_MORE, /* the body goes on */
    CHUNKS_END,  /* it is complete */
    CHUNKS_BAD,  /* it breaks the coding */
    CHUNKS_LARGE /* the chunks announced so far have more bytes than the limit */
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

/* Where a body stands. */
struct chunks {
    enum chunks_step step;
    uint64_t size;      /* of the chunk */
    uint64_t left;      /* of its data */
    uint64_t announced; /* the sizes of all chunks so far */
    uint64_t limit;     /* of announced */
    size_t digits, line, trailers;
};

/* A body begins, with the limit CHUNKS_MOST. */
void chunks_begin(struct chunks *chunks);
/* From now on announced may be `most` at most; see chunks_exceed for what was announced before. */
void chunks_limit(struct chunks *chunks, uint64_t most);
/* True when more is announced than the limit allows. */
bool chunks_exceed(const struct chunks *chunks);
/* Reads on in `len` bytes. Keeps, in place and in front, what civetweb is to see: sizes without extensions,
 * data, and the end without trailers. *kept: how many bytes these are, never more than were read; *used: how
 * many bytes were read, all of them unless the result is another than CHUNKS_MORE. Not after such a result.
 */
enum chunks_result chunks_read(struct chunks *chunks, char *bytes, size_t len, size_t *used, size_t *kept);

#endif

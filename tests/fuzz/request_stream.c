/* SPDX-License-Identifier: MIT */
#include "gateway/http/request_stream.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t take(struct request_stream *s, const uint8_t *data, size_t size, size_t piece, char *out)
{
    size_t out_len = 0;

    request_stream_begin(s);
    for (size_t in = 0; in < size; in += piece) {
        size_t len = piece < size - in ? piece : size - in, kept;
        bool stopped = s->at == REQUEST_STREAM_STOPPED;

        memcpy(out + out_len, data + in, len);
        kept = request_stream_take(s, out + out_len, len);
        if (kept > len || (stopped && kept > 0)) {
            abort();
        }
        out_len += kept;
    }
    return out_len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In whatever pieces bytes come, the same goes on; and what went on goes on again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *whole = malloc(size + 1), *pieces = malloc(size + 1), *again = malloc(size + 1);
    struct request_stream s, t;

    if (size > 0 && whole != NULL && pieces != NULL && again != NULL) {
        size_t piece = data[0] % 16 + 1;
        size_t len = take(&s, data + 1, size - 1, size, whole);
        size_t same = take(&t, data + 1, size - 1, piece, pieces);

        if (len != same || memcmp(whole, pieces, len) != 0 || s.at != t.at || s.heads != t.heads ||
            s.result != t.result) {
            abort();
        }
        if (s.result != CHUNKS_BAD && s.result != CHUNKS_LARGE &&
            (take(&t, (const uint8_t *)whole, len, len + 1, again) != len || memcmp(again, whole, len) != 0 ||
             s.heads != t.heads)) {
            abort();
        }
    }
    free(whole);
    free(pieces);
    free(again);
    return 0;
}

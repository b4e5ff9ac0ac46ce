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

/* Where civetweb ends the first head; 0: not yet. */
static size_t civetwebs_end(const char *bytes, size_t len)
{
    for (size_t end = 2; end <= len; end++) {
        if (memcmp(bytes + end - 2, "\n\n", 2) == 0 ||
            (end >= 4 && memcmp(bytes + end - 4, "\r\n\r\n", 4) == 0)) {
            return end;
        }
    }
    return 0;
}

/* A head that civetweb may serve ends at the same byte for both. (head_check refuses those after empty
 * lines.) */
static void check_first_head(const char *bytes, size_t len)
{
    size_t end = civetwebs_end(bytes, len);
    struct request_stream s;
    char *copy = malloc(len + 1);

    if (copy != NULL && end > 0 && bytes[0] != '\r' && bytes[0] != '\n') {
        memcpy(copy, bytes, len);
        request_stream_begin(&s);
        (void)request_stream_take(&s, copy, len);
        if (request_stream_agrees(&s, 1)) {
            memcpy(copy, bytes, len);
            request_stream_begin(&s);
            if (request_stream_take(&s, copy, end - 1) != end - 1 || s.heads != 0 ||
                request_stream_take(&s, copy + end - 1, 1) != 1 || s.heads != 1) {
                abort();
            }
        }
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In whatever pieces bytes come, the same goes on; what went on goes on again; and the first head ends where
 * civetweb ends it, or is not agreed on. */
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
        check_first_head((const char *)data + 1, size - 1);
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

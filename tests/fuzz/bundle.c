/* SPDX-License-Identifier: MIT */
#include "bundle.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever a broker hands on: a byte with the length of the properties, these, the body. A bundle that can be
 * opened is, written again, the same body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length = size > 0 && data[0] < size ? data[0] : 0;
    struct span properties = {(const char *)data + (size > 0), length}, body = {"", 0}, event, content;
    struct bundle bundle;
    struct buf again = {0};
    struct error error;

    if (size > 0) {
        body = (struct span){(const char *)data + 1 + length, size - 1 - length};
    }
    if (bundle_open(&bundle, properties, body, &error) == ERROR_NONE) {
        if (!bundle_is(properties)) {
            abort();
        }
        bundle_begin(&again);
        while (bundle_next(&bundle, &event, &content)) {
            bundle_append(&again, event, content);
        }
        if (!span_equal(buf_span(&again), body)) {
            abort();
        }
    }
    buf_free(&again);
    return 0;
}

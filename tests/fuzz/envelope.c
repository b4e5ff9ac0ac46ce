/* SPDX-License-Identifier: MIT */
#include "envelope.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever a broker hands on: what decodes, encodes and decodes again as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf encoded = {0}, again = {0}, json = {0};
    struct envelope one, two;
    struct error error;

    if (envelope_decode((struct span){(const char *)data, size}, &one, &error) == ERROR_NONE) {
        envelope_append_headers_json(&one, &json);
        if (envelope_encode(&one, &encoded, &error) == ERROR_NONE &&
            (envelope_decode(buf_span(&encoded), &two, &error) != ERROR_NONE ||
             envelope_encode(&two, &again, &error) != ERROR_NONE ||
             !span_equal(buf_span(&encoded), buf_span(&again)))) {
            abort();
        }
    }
    buf_free(&encoded);
    buf_free(&again);
    buf_free(&json);
    return 0;
}

/* SPDX-License-Identifier: MIT */
#include "gateway/http/body_length.h"

#include "lines.h"
#include "text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The number of at most 18 digits; -1 when it is none. */
static int64_t number_of(struct span text)
{
    int64_t number = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i == 18) {
            return -1;
        }
        number = number * 10 + (text.data[i] - '0');
    }
    return text.len > 0 ? number : -1;
}

/* A head that is let through has one meaning: one length of digits, or chunks, or
 * neither. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size}, length, coding;
    struct request request = lines_request(&text);
    struct body_length framing;
    struct reply reply;
    size_t lengths, codings;

    if (!body_length_check(&request, &framing, &reply)) {
        return 0;
    }
    lengths = request_find(&request, "content-length", &length);
    codings = request_find(&request, "transfer-encoding", &coding);
    if (lengths + codings > 1 || (framing.body == BODY_LENGTH_GIVEN) != (lengths == 1) ||
        (framing.body == BODY_LENGTH_CHUNKED) != (codings == 1)) {
        abort();
    }
    if (lengths == 1 && (framing.length < 0 || framing.length != number_of(length))) {
        abort();
    }
    if (codings == 1 && !request_is(text_trim(coding), "chunked")) {
        abort();
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
#include "gateway/event/body_text.h"

#include "lines.h"

#include <stdlib.h>

static struct body_memory memory = {.most = INT64_MAX};

#define LIMIT 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A request with its body: the text is at most the limit long, or it is the body itself. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = {(const char *)data, size}, read;
    struct request request = lines_request(&body);
    struct body_text text = body_text_of(&request, body, LIMIT, &memory);
    struct buf why = {0};

    read = body_text_read(&text);
    if (read.data != body.data && (text.flaw != BODY_TEXT_NO_FLAW || read.len > LIMIT)) {
        abort();
    }
    body_text_append_flaw(&text, &why);
    if ((why.len > 0) != (text.flaw != BODY_TEXT_NO_FLAW)) {
        abort();
    }
    buf_free(&why);
    body_text_free(&text);
    return 0;
}

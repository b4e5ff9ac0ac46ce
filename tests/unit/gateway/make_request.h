/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_TEST_MAKE_REQUEST_H
#define SLUICE_TEST_MAKE_REQUEST_H

/* Makes a request for tests from alternating header names and values, ended by NULL. */

#include "gateway/request.h"

static inline struct request make_request(const char *method, const char *path, const char *const *headers)
{
    struct request r = {.method = span_of(method), .path = span_of(path), .remote = span_of("127.0.0.1")};

    for (; headers[0] != NULL; headers += 2) {
        r.headers[r.header_count].name = span_of(headers[0]);
        r.headers[r.header_count++].value = span_of(headers[1]);
    }
    (void)request_find(&r, "host", &r.host); /* as gateway/http/target */
    return r;
}

#define HEADERS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_HTTP_H
#define SLUICE_CTL_HTTP_H

/* The HTTP client, over one kept connection. It goes through no proxy and follows no redirect; TLS is 1.2 or
 * newer, and certificates are checked. An object is used by one thread at a time. */

#include "buf.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>

struct http;

/* All texts must outlive the client. */
struct http_options {
    const char *url;      /* http://user@host:port/path; each request's path follows it */
    const char *schemes;  /* of the URL: "http", or "http,https" */
    const char *password; /* of the URL's user; NULL: none */
    const char *ca;       /* file of the certificates to trust; NULL or "": the system's */
    long total_ms;        /* for one request; to connect it takes at most 5 s of them */
    size_t answer_max;    /* bytes */
};

struct http_reply {
    long status;     /* 0: none came; problem says why */
    struct buf body; /* at most its first answer_max bytes; the caller frees it */
    bool cut;        /* body lacks the rest */
    bool timed_out;
    char problem[256]; /* "": there was none */
};

/* Once for the program, before any other call and before there are threads. */
MUST_CHECK bool http_start(void);
void http_stop(void);

/* Doesn't connect. ERROR_MEMORY. *http is the caller's, for http_close. */
MUST_CHECK enum error_code http_open(struct http **http, const struct http_options *options,
                                     struct error *error);
/* http may be NULL. */
void http_close(struct http *http);

/* Adds a header to the next request. value may be ""; NULL: the client adds none of its own by that name. */
void http_header(struct http *http, const char *name, const char *value);
/* Sends a request and waits for the reply. path: "", or it begins with '/' and may hold a query. A body is
 * sent when it isn't empty, and with POST in any case. */
void http_send(struct http *http, const char *method, const char *path, struct span body,
               struct http_reply *reply);

/* Appends the text as a segment of a path: escaped, "/" too. */
void http_append_escaped(struct buf *out, const char *text);
/* The reverse. */
void http_append_unescaped(struct buf *out, const char *text);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_HTTP_H
#define SLUICE_CTL_HTTP_H

/* An HTTP client that reuses one connection. It uses no proxy and follows no redirects; it requires TLS 1.2
 * or newer and verifies certificates. Only one thread may use a client at a time. */

#include "buf.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>

struct http;

/* All strings must outlive the client. */
struct http_options {
    const char *url;      /* http://user@host:port/path; a request's path is appended to it */
    const char *schemes;  /* allowed in the URL: "http", or "http,https" */
    const char *password; /* for the URL's user; NULL: none */
    const char *ca;       /* file of trusted certificates; NULL or "": the system's */
    long total_ms;        /* time limit for one request; connecting is also limited to 5 s */
    size_t answer_max;    /* bytes of the body that are kept */
    /* Called about once a second, or more often, while a request runs: false ends it. NULL: none. */
    bool (*go_on)(void *context);
    void *context; /* for go_on */
};

struct http_reply {
    long status;     /* 0: no reply; see problem */
    struct buf body; /* at most answer_max bytes; the caller frees it */
    bool cut;        /* the body was longer than answer_max */
    bool timed_out;
    char problem[256]; /* "": none */
};

/* Initialises libcurl. Call it once, before any other function here and before threads start. */
MUST_CHECK bool http_start(void);
void http_stop(void);

/* Creates a client, without connecting. Returns ERROR_MEMORY on failure. The caller owns *http and frees it
 * with http_close. */
MUST_CHECK enum error_code http_open(struct http **http, const struct http_options *options,
                                     struct error *error);
/* http may be NULL. */
void http_close(struct http *http);

/* Adds a header to the next request. value may be "". NULL suppresses a header that libcurl would add itself.
 */
void http_header(struct http *http, const char *name, const char *value);
/* Sends a request and waits for the reply. path: "" or "/..." with an optional query. Sends the body unless
 * it is empty; POST always sends one. */
void http_send(struct http *http, const char *method, const char *path, struct span body,
               struct http_reply *reply);

/* Appends the value of a header of the last reply, the last one of the name. False: it had none. */
bool http_reply_header(const struct http *http, const char *name, struct buf *value);

/* Appends text percent-encoded as one path segment; "/" is encoded, too. */
void http_append_escaped(struct buf *out, const char *text);
/* Appends text percent-decoded. */
void http_append_unescaped(struct buf *out, const char *text);

#endif

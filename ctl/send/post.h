/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SEND_POST_H
#define SLUICE_CTL_SEND_POST_H

/* Posting events to a gateway over one kept connection. */

#include "buf.h"
#include "error.h"

#include <cjson/cJSON.h>

struct post;

struct post_request {
    const char *path; /* and query */
    const char *method;
    const char *id;       /* sent as webhook-id unless "" */
    const cJSON *headers; /* an object of strings, or NULL */
    struct span body;
};

struct post_reply {
    long status;     /* 0: none came; problem says why */
    struct buf body; /* at most its first 64 KiB; the caller frees it */
    char problem[256];
};

/* *post is the caller's, for post_close. */
MUST_CHECK enum error_code post_open(struct post **post, const char *url, struct error *error);
/* post may be NULL. */
void post_close(struct post *post);
/* Waits for the reply, at most 30 s. */
void post_event(struct post *post, const struct post_request *request, struct post_reply *reply);

/* True when JSON text holds the escape \u0000, at which cJSON would end the string. Pure. */
bool post_text_hides_nul(struct span text);

#endif

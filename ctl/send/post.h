/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SEND_POST_H
#define SLUICE_CTL_SEND_POST_H

/* An event as a request to the gateway. */

#include "buf.h"
#include "ctl/http.h"

#include <cjson/cJSON.h>

struct post_request {
    const char *path; /* and query */
    const char *method;
    const char *id;       /* sent as webhook-id unless "" */
    const cJSON *headers; /* an object of strings, or NULL */
    struct span body;
};

/* As http_send. */
void post_event(struct http *http, const struct post_request *request, struct http_reply *reply);

/* True when JSON text holds the escape \u0000, at which cJSON would end the string. Pure. */
bool post_text_hides_nul(struct span text);

#endif

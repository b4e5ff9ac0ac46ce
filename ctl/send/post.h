/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SEND_POST_H
#define SLUICE_CTL_SEND_POST_H

/* Sends an event to the gateway as an HTTP request. */

#include "buf.h"
#include "ctl/http.h"

#include <cjson/cJSON.h>

struct post_request {
    const char *path; /* with query */
    const char *method;
    const char *id;       /* sent as webhook-id unless "" */
    const cJSON *headers; /* an object of strings, or NULL */
    struct span body;
};

/* Sends the request with http_send and waits for the reply. */
void post_event(struct http *http, const struct post_request *request, struct http_reply *reply);

/* True when the JSON text contains the escape \u0000, at which cJSON would cut the string. Pure. */
bool post_text_hides_nul(struct span text);

#endif

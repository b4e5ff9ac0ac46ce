/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LISTEN_FORWARD_H
#define SLUICE_CTL_LISTEN_FORWARD_H

/* Sends an event to a URL, once, as the request that it came as: method, kept headers and body, and, when the
 * URL has no path of its own, path and query. */

#include "ctl/http.h"
#include "envelope.h"

#include <stdbool.h>
#include <stdint.h>

struct forward_result {
    long status;       /* 0: no reply; see problem */
    int64_t took_us;   /* from the first attempt to connect to the end of the reply */
    bool delivered;    /* the status is 2xx */
    char problem[256]; /* "": none */
};

/* True for http:// or https:// and a host. Pure. */
bool forward_url_valid(const char *url);
/* True when the header can be sent on: not Host and those that belong to one connection, and nothing that
 * isn't a header (whoever may publish may write anything into an envelope). Pure. */
bool forward_header_passes(const struct envelope_header *header);
/* Appends what to append to the URL: "", or the event's path, which then begins with '/', and its query.
 * Pure. */
void forward_append_target(struct buf *out, const char *url, const struct envelope *envelope);

/* Sends the event and waits for the reply as long as the client's options say. */
void forward_event(struct http *http, const char *url, const struct envelope *envelope, struct span body,
                   struct forward_result *result);

#endif

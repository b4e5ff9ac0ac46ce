/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SEND_COMPLETE_H
#define SLUICE_CTL_SEND_COMPLETE_H

/* Completes a request with what its provider would send, and signs it. */

#include "post.h"
#include "sign.h"

struct complete_options {
    const struct sign *sign;        /* NULL: the request is not signed */
    const struct scheme *scheme;    /* of the event; NULL: it is no provider's */
    const struct event_id_rule *id; /* the route's rules for ids; NULL: no route is known */
    const cJSON *headers;           /* they replace the request's of the same name */
    const char *url;                /* the gateway's URL as the provider sees it; some sign it */
    bool sample;                    /* the request has no body: an event of a scheme gets a sample */
};

/* What a completed request points to. Starts zeroed; freed by complete_free. */
struct completed {
    cJSON *headers;
    struct buf path, body;
};

/* Completes the request. Its id must be set if there is a scheme. ERROR_MALFORMED: it can't be signed;
 * ERROR_MEMORY. */
MUST_CHECK enum error_code complete_request(const struct complete_options *options,
                                            struct post_request *request, struct completed *completed,
                                            struct error *error);
void complete_free(struct completed *completed);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SEND_SIGN_H
#define SLUICE_CTL_SEND_SIGN_H

/* Signs a test event as its provider would, so that a route can be tried: the content that is signed is put
 * together by the gateway's own modules. */

#include "buf.h"
#include "error.h"

#include <cjson/cJSON.h>

struct sign_options {
    const char *scheme; /* NULL: don't sign */
    const char *secret_file, *secret_env;
    /* What a route says of hmac, basic and header; NULL: the same defaults. */
    const char *header, *algorithm, *encoding, *prefix, *user;
};

struct sign_event {
    struct span id, body;
    const char *url; /* the gateway as the provider calls it; Twilio signs it */
    int64_t now_s;
};

struct sign;

/* Reads the secret. *sign is the caller's, for sign_close. ERROR_SETTING: an unknown scheme, no secret or an
 * unusable one, an option that the scheme doesn't take or lacks. */
MUST_CHECK enum error_code sign_open(struct sign **sign, const struct sign_options *options,
                                     struct error *error);
/* Wipes the secret; sign may be NULL. */
void sign_close(struct sign *sign);
/* Appends a body of the provider's kind with this id in it where the provider puts it there. */
void sign_body(const struct sign *sign, struct span id, struct buf *body);
/* Adds what the provider would send to an object of headers, in place of headers of the same names: signature
 * or token, time, id, kind of event. path: and query; Twilio's query is given a digest of a body that is no
 * form. */
MUST_CHECK enum error_code sign_headers(const struct sign *sign, const struct sign_event *event,
                                        struct buf *path, cJSON *headers, struct error *error);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SEND_SIGN_H
#define SLUICE_CTL_SEND_SIGN_H

/* Signs a test event as its provider would, so that a route can be tried. The gateway's own modules build the
 * signed content. */

#include "buf.h"
#include "error.h"
#include "gateway/verify/schemes.h"

#include <cjson/cJSON.h>

struct sign_options {
    const char *scheme; /* NULL: don't sign, or as the rule says */
    /* A route's rule without keys: it takes the place of the scheme and of the options below. sign_open takes
     * over what it owns, and leaves it empty. NULL: there is no route. */
    struct verify_rule *rule;
    const char *secret_file, *secret_env;
    /* For hmac, basic and header, as in the route; NULL: the same defaults as there. */
    const char *header, *algorithm, *encoding, *prefix, *user;
};

struct sign_event {
    struct span id, body;
    const char *method;
    const char *url; /* the gateway's URL as the provider sees it; some sign it */
    int64_t now_s;
};

struct sign;

/* Checks the options and reads the secret; for the schemes standard, ed25519 and ecdsa it may be, or must be,
 * a private key (ctl/send/private_key). The caller owns *sign and frees it with sign_close. ERROR_SETTING:
 * unknown scheme, missing or unusable secret, or an option that the scheme doesn't accept or that is missing.
 */
MUST_CHECK enum error_code sign_open(struct sign **sign, const struct sign_options *options,
                                     struct error *error);
/* Wipes the secret and frees sign, which may be NULL. */
void sign_close(struct sign *sign);
/* The scheme by which it signs. Never NULL. Static. */
const struct scheme *sign_scheme(const struct sign *sign);
/* True for a header that sign_headers sets in any case: those of the signature, the time and the id. */
bool sign_sets(const struct sign *sign, const char *header);
/* Sets the headers that the provider would send in an object of headers, replacing those with the same name:
 * signature or token, time, id, kind of event. Other headers that a route's rule signs are added unless they
 * are there. path: with query; for Twilio and a body that is not a form, a digest of the body is added to the
 * query. */
MUST_CHECK enum error_code sign_headers(const struct sign *sign, const struct sign_event *event,
                                        struct buf *path, cJSON *headers, struct error *error);

#endif

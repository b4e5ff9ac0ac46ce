/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_SIGNED_CONTENT_H
#define SLUICE_GATEWAY_VERIFY_SIGNED_CONTENT_H

/* What a request presents to show that it comes from its provider, by the schemes that sign: the signed
 * content, put together as the provider does, and the signatures. Whether one is right is verify's
 * business. Pure. */

#include "verify.h"

#define SIGNED_CONTENT_SIGNATURES_MAX \
    16                              /* of one request: more is no rotation but a try at costing us time */
#define SIGNED_CONTENT_PUBLIC_MAX 4 /* of ed25519, which cost 100 us each to check */
#define SIGNED_CONTENT_PIECES_MAX 6
#define SIGNED_CONTENT_HOST 1 /* Twilio's piece that is the host */

/* Views into the request and its body, and into `text`. Zero-initialise; signed_content_free. */
struct signed_content {
    struct span pieces[SIGNED_CONTENT_PIECES_MAX]; /* what is signed, one after another */
    size_t piece_count;
    struct span other_host; /* unless empty, may stand for pieces[SIGNED_CONTENT_HOST] */
    struct span signatures[SIGNED_CONTENT_SIGNATURES_MAX];
    size_t signature_count;
    struct span public_signatures[SIGNED_CONTENT_PUBLIC_MAX]; /* ed25519's, in base64 */
    size_t public_count;
    enum encoding encoding; /* of the others */
    struct buf text;
};

/* Reads it; a timestamp is checked here. Only for schemes that sign. */
MUST_CHECK enum verify_cause signed_content_read(struct signed_content *content,
                                                 const struct verify_rule *rule,
                                                 const struct request *request, struct span body,
                                                 int64_t now_s);
void signed_content_free(struct signed_content *content);
/* The value of a header that must be there once, and not be empty. */
MUST_CHECK enum verify_cause signed_content_header(const struct request *request, const char *name,
                                                   struct span *value);

#endif

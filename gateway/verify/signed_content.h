/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_SIGNED_CONTENT_H
#define SLUICE_GATEWAY_VERIFY_SIGNED_CONTENT_H

/* For the schemes that sign: extracts the signatures from a request, and builds the content that the provider
 * has signed. gateway/verify/verify compares them. Pure. */

#include "schemes.h"

#define SIGNED_CONTENT_SIGNATURES_MAX \
    16 /* in one request: secret rotation needs a few; more would only cost time */
#define SIGNED_CONTENT_PUBLIC_MAX 4 /* by public keys, which take 100 us each to check */
#define SIGNED_CONTENT_PIECES_MAX \
    22                        /* of DECLARATION_PARTS_MAX parts, where a URL has 5 and a path 2 pieces */
#define SIGNED_CONTENT_HOST 1 /* index of the host among Twilio's pieces */

/* Views into the request, its body and `text`. Zero-initialise; free with signed_content_free. */
struct signed_content {
    struct span pieces[SIGNED_CONTENT_PIECES_MAX]; /* concatenated, the signed content */
    size_t piece_count;
    struct span other_host; /* unless empty, an alternative to pieces[SIGNED_CONTENT_HOST] */
    struct span signatures[SIGNED_CONTENT_SIGNATURES_MAX];
    size_t signature_count;
    struct span public_signatures[SIGNED_CONTENT_PUBLIC_MAX]; /* for public keys */
    size_t public_count;
    enum encoding encoding; /* of the signatures */
    struct buf text;
};

/* Fills *content and checks the timestamp against now_s (seconds since 1970). Only for schemes that sign. */
MUST_CHECK enum verify_cause signed_content_read(struct signed_content *content,
                                                 const struct verify_rule *rule,
                                                 const struct request *request, struct span body,
                                                 int64_t now_s);
void signed_content_free(struct signed_content *content);
/* Sets *value to the header's, which must be present once and not be empty. VERIFY_MISSING or
 * VERIFY_DUPLICATE. */
MUST_CHECK enum verify_cause signed_content_find(const struct request *request, const char *name,
                                                 struct span *value);
/* Sets *value to what the rule's scheme reads from a header, which must be present once and not be empty.
 * VERIFY_MISSING, VERIFY_DUPLICATE or VERIFY_MIXED. */
MUST_CHECK enum verify_cause signed_content_header(const struct verify_rule *rule,
                                                   const struct request *request, enum scheme_reads what,
                                                   struct span *value);

#endif

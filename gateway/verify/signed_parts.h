/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_SIGNED_PARTS_H
#define SLUICE_GATEWAY_VERIFY_SIGNED_PARTS_H

/* The steps in which gateway/verify/signed_content and declared_content take a signed content together. They
 * copy nothing: a content holds views into the request. Pure. */

#include "signed_content.h"

/* A request and what is to be known about it. */
struct signed_request {
    const struct verify_rule *rule;
    const struct scheme *scheme;
    const struct request *request;
    struct span body;
    int64_t now_s;
};

/* Checks a timestamp against now and the rule's tolerance: VERIFY_TIME, VERIFY_OLD or VERIFY_EARLY. */
MUST_CHECK enum verify_cause signed_parts_time(const struct signed_request *s, struct span text);
/* The text without its first `len` bytes. */
struct span signed_parts_behind(struct span text, size_t len);
/* Adds a piece. There must be room: see SIGNED_CONTENT_PIECES_MAX. */
void signed_parts_add(struct signed_content *content, struct span piece);
/* Adds the text after the prefix as a signature by a key of the scheme. VERIFY_MALFORMED without the prefix,
 * or for one signature too many. */
MUST_CHECK enum verify_cause signed_parts_add_signature(const struct signed_request *s,
                                                        struct signed_content *content, struct span text,
                                                        const char *prefix);
/* Adds the URL up to the request's path: 1 or 2 pieces. */
void signed_parts_add_origin(const struct signed_request *s, struct signed_content *content);
/* Adds the request's path, and the query behind a '?' unless it is empty: 3 pieces. */
void signed_parts_add_target(const struct signed_request *s, struct signed_content *content);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_VERIFY_H
#define SLUICE_GATEWAY_VERIFY_VERIFY_H

/* Does a request come from who it says? Decided on the raw body and the headers as they
 * came, in a time that tells nothing about a secret but how many there are. Pure: `now` is
 * an argument. What each scheme signs is in gateway/verify/signed_content, what may be set for it in
 * gateway/verify/schemes. */

#include "encoding.h"
#include "error.h"
#include "gateway/request.h"
#include "scheme_rows.h"
#include "secret_key.h"

#define VERIFY_SECRETS_MAX 8 /* of one source: each may cost a hash of the body */

/* VERIFY_NONE: everybody is believed. */
#define VERIFY_SCHEME(enumerator, ...) enumerator,
enum verify_scheme { SCHEMES(VERIFY_SCHEME) };
#undef VERIFY_SCHEME

/* A source's rule. Zero-initialise; set what the scheme takes (see gateway/verify/schemes), then add the
 * secrets, which are prepared for that. Read-only from then on, by any thread. */
struct verify_rule {
    enum verify_scheme scheme;
    struct secret_key *keys[VERIFY_SECRETS_MAX];
    size_t key_count;
    int64_t tolerance_s; /* most that a timestamp may differ from now, either way */
    /* Owned, from malloc, NULL where they are not set; freed by verify_rule_free. */
    char *header; /* hmac and header: the header's name, in lower case */
    enum secret_key_algorithm algorithm;
    enum encoding encoding;
    char *prefix;       /* hmac: what stands before the signature; NULL as "" */
    char *user;         /* basic */
    char *verify_token; /* meta: what a subscription must name */
    char *url; /* twilio: what stands before the request's path in the signed URL; NULL: from the request */
};

/* X(name, label): why a request was refused. The sender never learns it. */
#define VERIFY_CAUSES(X)                                                                       \
    X(VERIFY_FINE, "none")                                                                     \
    X(VERIFY_MISSING, "missing")     /* a header is absent or empty */                         \
    X(VERIFY_DUPLICATE, "duplicate") /* a header came twice */                                 \
    X(VERIFY_MALFORMED, "malformed") /* no signature of the scheme's form in it */             \
    X(VERIFY_TIME, "time")           /* no timestamp of decimal digits */                      \
    X(VERIFY_OLD, "old")             /* older than the tolerance: a replay, or a slow clock */ \
    X(VERIFY_EARLY, "early")         /* further in the future than the tolerance */            \
    X(VERIFY_MISMATCH, "mismatch")   /* wrong secret, or other bytes than were signed */       \
    X(VERIFY_MEMORY, "memory")       /* ours: no memory to find out */

#define VERIFY_ENUMERATOR(name, label) name,
enum verify_cause { VERIFY_CAUSES(VERIFY_ENUMERATOR) };
#undef VERIFY_ENUMERATOR

/* Adds a secret as its owner wrote it; all that are added are valid, the first is the one to answer
 * challenges with. rule->scheme, algorithm and user must be set. `standard` takes base64
 * after "whsec_" (prefix and padding optional) or "whpk_" (a public ed25519 key); others take the bytes
 * as they are. Keeps no copy of the text. ERROR_SETTING: empty, unusable, or one more than
 * VERIFY_SECRETS_MAX; ERROR_MEMORY. The error never holds the secret. */
MUST_CHECK enum error_code verify_rule_add_secret(struct verify_rule *rule, struct span text,
                                                  struct error *error);
/* Wipes and frees what the rule owns, and leaves it empty. */
void verify_rule_free(struct verify_rule *rule);

/* The key by which the request is verified; NULL, with *cause, when it isn't. For schemes with secrets.
 * now_s: seconds since 1970. Any thread. */
MUST_CHECK const struct secret_key *verify_key(const struct verify_rule *rule, const struct request *request,
                                               struct span body, int64_t now_s, enum verify_cause *cause);
/* True when the rule's scheme reads its proof (token, signature, signed timestamp or id) from this header:
 * such a header is not kept with the event. */
bool verify_reads(const struct verify_rule *rule, struct span header_name);
/* Static; for logs and metrics. */
const char *verify_cause_label(enum verify_cause cause);

#endif

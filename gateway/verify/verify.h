/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_VERIFY_H
#define SLUICE_GATEWAY_VERIFY_VERIFY_H

/* Verifies that a request comes from its provider, from the raw body and headers. The time it takes reveals
 * nothing about the secrets except their number. Pure: the current time is an argument.
 * gateway/verify/signed_content has what each scheme signs, gateway/verify/schemes what can be set for it. */

#include "declaration.h"
#include "declared_challenge.h"
#include "encoding.h"
#include "error.h"
#include "gateway/request.h"
#include "scheme_rows.h"
#include "secret_key.h"

#define VERIFY_SECRETS_MAX 8 /* per source: each may cost a hash of the body */

/* VERIFY_NONE: requests are not verified. */
#define VERIFY_SCHEME(enumerator, ...) enumerator,
enum verify_scheme { SCHEMES(VERIFY_SCHEME) };
#undef VERIFY_SCHEME

/* A source's rule. Start from scheme_rule; set the members that the scheme accepts (see
 * gateway/verify/schemes); then add the secrets, which are prepared for those members. Read-only afterwards,
 * by any thread. */
struct verify_rule {
    enum verify_scheme scheme;
    struct secret_key *keys[VERIFY_SECRETS_MAX];
    size_t key_count;
    int64_t tolerance_s; /* largest allowed difference of a timestamp from now, in either direction */
    /* From malloc, NULL when not set; freed by verify_rule_free. */
    char *header; /* schemes hmac and header: the header's name in lower case */
    enum secret_key_algorithm algorithm;
    enum encoding encoding;
    char *prefix;       /* hmac: text before the signature; NULL: "" */
    char *user;         /* basic */
    char *verify_token; /* meta: the expected hub.verify_token */
    char *url;          /* twilio, hmac: the signed URL up to the request's path; NULL: from the request */
    struct declaration declaration; /* hmac */
    struct declared_challenge challenge;
};

/* X(name, label): why verification failed. Never sent to the sender. */
#define VERIFY_CAUSES(X)                                                                        \
    X(VERIFY_FINE, "none")                                                                      \
    X(VERIFY_MISSING, "missing")     /* a header is absent or empty */                          \
    X(VERIFY_DUPLICATE, "duplicate") /* a header came twice */                                  \
    X(VERIFY_MIXED, "mixed")         /* headers of both sets of names of its scheme */          \
    X(VERIFY_MALFORMED, "malformed") /* no signature in the scheme's format */                  \
    X(VERIFY_TIME, "time")           /* the timestamp is unreadable */                          \
    X(VERIFY_OLD, "old")             /* older than the tolerance: a replay, or a wrong clock */ \
    X(VERIFY_EARLY, "early")         /* further in the future than the tolerance */             \
    X(VERIFY_MISMATCH, "mismatch")   /* wrong secret, or the bytes have changed */              \
    X(VERIFY_MEMORY, "memory")       /* not the sender's fault: out of memory */

#define VERIFY_ENUMERATOR(name, label) name,
enum verify_cause { VERIFY_CAUSES(VERIFY_ENUMERATOR) };
#undef VERIFY_ENUMERATOR

/* Adds a secret. A request is accepted when it matches any of the rule's secrets. rule->scheme, algorithm,
 * user and declaration must be set before. The scheme `standard` accepts base64 after "whsec_" (prefix and
 * padding optional) or "whpk_" (an ed25519 public key), hmac what is declared, ed25519 and ecdsa a public key
 * (gateway/verify/public_key); the other schemes use the bytes as they are. Keeps no copy of the text.
 * ERROR_SETTING for an empty or unusable secret, or one more than VERIFY_SECRETS_MAX; ERROR_MEMORY. The error
 * never holds the secret. */
MUST_CHECK enum error_code verify_rule_add_secret(struct verify_rule *rule, struct span text,
                                                  struct error *error);
/* Wipes and frees what the rule owns, and leaves it empty. */
void verify_rule_free(struct verify_rule *rule);

/* Returns the key that verifies the request; NULL when none does. Sets *cause in either case. For schemes
 * with secrets. now_s: seconds since 1970. Any thread. */
MUST_CHECK const struct secret_key *verify_key(const struct verify_rule *rule, const struct request *request,
                                               struct span body, int64_t now_s, enum verify_cause *cause);
/* True when the rule's scheme reads its token, signature, timestamp or signed id from this header, or its
 * challenge is in it. Such headers are not stored with the event. Headers that a declaration only adds to the
 * signed content are stored. */
bool verify_reads(const struct verify_rule *rule, struct span header_name);
/* Static; for logs and metrics. */
const char *verify_cause_label(enum verify_cause cause);
/* The value of WWW-Authenticate for a request that is not verified. Tells only the kind of proof that the
 * source wants, which its provider's documents tell too. Static. */
const char *verify_demand(const struct verify_rule *rule);

#endif

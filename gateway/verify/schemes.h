/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_SCHEMES_H
#define SLUICE_GATEWAY_VERIFY_SCHEMES_H

/* All that differs between the schemes of verification, as one table, whose rows are in
 * gateway/verify/scheme_rows.h: for the routes file, verification, challenges, the headers that are not kept,
 * and `sluice send --sign`. */

#include "envelope.h"
#include "gateway/event/event_id.h"
#include "verify.h"

#define SCHEME_TOLERANCE_S 300

/* X(enumerator, bit, name): the members of a routes file's "verify", beside scheme and secrets, that a scheme
 * may take. */
#define SCHEME_MEMBERS(X)               \
    X(SCHEME_TOLERANCE, 1, "tolerance") \
    X(SCHEME_HEADER, 2, "header")       \
    X(SCHEME_ALGORITHM, 4, "algorithm") \
    X(SCHEME_ENCODING, 8, "encoding")   \
    X(SCHEME_PREFIX, 16, "prefix")      \
    X(SCHEME_USER, 32, "user")          \
    X(SCHEME_URL, 128, "url")           \
    X(SCHEME_VERIFY_TOKEN, 64, "verify_token")

#define SCHEME_BIT(enumerator, bit, name) enumerator = (bit),
enum scheme_member { SCHEME_MEMBERS(SCHEME_BIT) };
#undef SCHEME_BIT

/* What key the text of a secret becomes. */
enum scheme_key {
    SCHEME_KEY_NONE,     /* there are no secrets */
    SCHEME_KEY_HMAC,     /* its bytes, for an HMAC */
    SCHEME_KEY_BASE64,   /* whsec_: base64, for an HMAC; whpk_: a public ed25519 key in base64 */
    SCHEME_KEY_TOKEN,    /* its bytes, to be compared */
    SCHEME_KEY_PASSWORD, /* the rule's user, ":" and its bytes, to be compared */
};

/* What is signed; where the kind says no more, the header holds the mark and one signature. */
enum scheme_content {
    SCHEME_SIGNS_NOTHING,      /* nothing is sent */
    SCHEME_SENDS_SECRET,       /* nothing is signed: behind the mark is the secret itself */
    SCHEME_SIGNS_BODY,         /* the body */
    SCHEME_SIGNS_ID_TIME_BODY, /* id.time.body; the header is a list of signatures, by blanks */
    SCHEME_SIGNS_T_BODY,       /* time.body; the header is t=TIME,v1=SIGNATURE,... */
    SCHEME_SIGNS_V0_TIME_BODY, /* v0:time:body */
    SCHEME_SIGNS_URL_FORM,     /* the public URL, then a form's fields: see gateway/verify/twilio */
};

/* How a provider asks whether the address is ours: see gateway/verify/challenge. */
enum scheme_challenge {
    SCHEME_CHALLENGE_NONE,
    SCHEME_CHALLENGE_SUBSCRIBE, /* GET with hub.mode=subscribe, before verification */
    SCHEME_CHALLENGE_TEXT,      /* a verified url_verification: its text is given back */
    SCHEME_CHALLENGE_MAC,       /* a verified endpoint.url_validation: its text, and the MAC of it */
};

/* What the provider sends beside the signature, for `sluice send --sign`. Headers in the provider's own
 * spelling, NULL: none. */
struct scheme_sent {
    const char *id;           /* the header with the id */
    const char *event, *kind; /* the header that names the kind of event, and a kind */
    const char *body;         /* '@' in it stands for the id */
};

struct scheme {
    const char *name;
    enum verify_scheme scheme;
    unsigned takes; /* of enum scheme_member; SCHEME_TOLERANCE: it has a time */
    unsigned needs; /* of those it takes, what has no default */
    enum scheme_key key;
    enum scheme_content content;
    /* What verification reads and no event keeps; as the provider spells them, NULL: none. */
    const char *header; /* of the signature, or the secret; NULL with SCHEME_HEADER: the rule's */
    const char *time_header, *signed_id;
    const char *mark; /* before the signature; NULL: "", or with SCHEME_PREFIX the rule's */
    enum secret_key_algorithm algorithm; /* of the MAC; with SCHEME_ALGORITHM the rule's default */
    enum encoding encoding;              /* of the signature; with SCHEME_ENCODING the rule's default */
    enum scheme_challenge challenge;
    bool needs_id_rule;      /* the source must name one, for no provider stands behind the scheme */
    struct event_id_rule id; /* when the source names none */
    /* When the source names none: first where the id isn't under the signature, so that a captured
     * request can't replace another event by its id. */
    enum envelope_keep keep;
    struct scheme_sent sent;
};

/* How many there are: the values of enum verify_scheme are below that. */
#define SCHEME_ONE(...) +1
enum { SCHEME_COUNT = 0 SCHEMES(SCHEME_ONE) };
#undef SCHEME_ONE

/* NULL: there is no such scheme. Static. */
const struct scheme *scheme_named(struct span name);
/* Never NULL. Static. */
const struct scheme *scheme_of(enum verify_scheme scheme);
/* Appends the names of all: "none, standard, ...". */
void scheme_names(struct buf *out);
/* A rule of this scheme with its defaults: tolerance, algorithm, encoding; no secrets yet. */
struct verify_rule scheme_rule(const struct scheme *scheme);
/* The header with the signature or the secret, for request_find; NULL: the rule's scheme has none. The
 * rule's, as long as it, or static. */
const char *scheme_header(const struct verify_rule *rule);
/* What stands there before it; "" when nothing does. As long as the rule. */
const char *scheme_mark(const struct verify_rule *rule);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_SCHEMES_H
#define SLUICE_GATEWAY_VERIFY_SCHEMES_H

/* The table of verification schemes; its rows are in gateway/verify/scheme_rows.h. It is used by the routes
 * file, verification, challenges, the selection of kept headers, and `sluice send --sign`. */

#include "envelope.h"
#include "gateway/event/event_id.h"
#include "verify.h"

#define SCHEME_TOLERANCE_S 300
#define SCHEME_ID_RULES_MAX 3

/* X(enumerator, bit, name): the optional members of "verify" in the routes file, besides scheme and
 * secrets. */
#define SCHEME_MEMBERS(X)                              \
    X(SCHEME_TOLERANCE, 1, "tolerance")                \
    X(SCHEME_HEADER, 2, "header")                      \
    X(SCHEME_ALGORITHM, 4, "algorithm")                \
    X(SCHEME_ENCODING, 8, "encoding")                  \
    X(SCHEME_PREFIX, 16, "prefix")                     \
    X(SCHEME_USER, 32, "user")                         \
    X(SCHEME_URL, 128, "url")                          \
    X(SCHEME_VERIFY_TOKEN, 64, "verify_token")         \
    X(SCHEME_SIGNED, 256, "signed")                    \
    X(SCHEME_TIME, 512, "time")                        \
    X(SCHEME_FIELD, 1024, "field")                     \
    X(SCHEME_SECRET_ENCODING, 2048, "secret_encoding") \
    X(SCHEME_SECRET_PREFIX, 4096, "secret_prefix")     \
    X(SCHEME_POINTER, 8192, "pointer")

#define SCHEME_BIT(enumerator, bit, name) enumerator = (bit),
enum scheme_member { SCHEME_MEMBERS(SCHEME_BIT) };
#undef SCHEME_BIT

/* How the text of a secret becomes a key. */
enum scheme_key {
    SCHEME_KEY_NONE,     /* the scheme has no secrets */
    SCHEME_KEY_HMAC,     /* its bytes are an HMAC key */
    SCHEME_KEY_BASE64,   /* whsec_: an HMAC key in base64; whpk_: an ed25519 public key in base64 */
    SCHEME_KEY_ED25519,  /* it is an ed25519 public key: see gateway/verify/public_key */
    SCHEME_KEY_P256,     /* it is a P-256 public key, for ECDSA with SHA-256 */
    SCHEME_KEY_TOKEN,    /* its bytes are compared with the request's */
    SCHEME_KEY_PASSWORD, /* the rule's user, ":" and its bytes are compared */
};

/* What is signed. Unless stated, the header holds the mark and one signature. */
enum scheme_content {
    SCHEME_SIGNS_NOTHING,      /* no header is sent */
    SCHEME_SENDS_SECRET,       /* nothing is signed: the mark is followed by the secret itself */
    SCHEME_SIGNS_BODY,         /* the body */
    SCHEME_SIGNS_ID_TIME_BODY, /* id.time.body; the header is a list of signatures, separated by spaces */
    SCHEME_SIGNS_T_BODY,       /* time.body; the header is t=TIME,v1=SIGNATURE,... */
    SCHEME_SIGNS_V0_TIME_BODY, /* v0:time:body */
    SCHEME_SIGNS_DECLARED,     /* what the rule declares: see gateway/verify/declaration */
    SCHEME_SIGNS_URL_FORM,     /* the public URL and the fields of a form: see gateway/verify/twilio */
};

/* What verification reads from a header of its own. */
enum scheme_reads {
    SCHEME_READS_PROOF, /* the signature or the secret */
    SCHEME_READS_TIME,  /* the timestamp that is signed */
    SCHEME_READS_ID,    /* the id that is signed */
    SCHEME_READS,       /* how many */
};

/* How a provider verifies a new endpoint: see gateway/verify/challenge. */
enum scheme_challenge {
    SCHEME_CHALLENGE_NONE,
    SCHEME_CHALLENGE_SUBSCRIBE, /* GET with hub.mode=subscribe, before verification */
    SCHEME_CHALLENGE_TEXT,      /* a verified url_verification: its text is echoed */
    SCHEME_CHALLENGE_PING,      /* a verified PING of Discord's interactions: it is answered in kind */
    SCHEME_CHALLENGE_MAC,       /* a verified endpoint.url_validation: its text and its MAC are returned */
};

/* What the provider sends besides the signature, for `sluice send --sign`. Headers as the provider spells
 * them; NULL: none. */
struct scheme_sent {
    const char *id;           /* the header with the id */
    const char *event, *kind; /* the header with the event type, and a type */
    const char *body;         /* '@' in it is replaced by the id */
};

struct scheme {
    const char *name;
    enum verify_scheme scheme;
    unsigned takes; /* members that it accepts, of enum scheme_member; SCHEME_TOLERANCE: it signs a timestamp,
         or with SCHEME_TIME a route may declare one */
    unsigned needs; /* those of them that are required */
    enum scheme_key key;
    enum scheme_content content;
    /* The headers that verification reads. None of them is stored. Besides these, it reads only those that
     * the rule declares. As the provider spells them; NULL: none, or with SCHEME_HEADER the proof's is the
     * rule's, which has none with a pointer. */
    const char *reads[SCHEME_READS];
    const char *or_reads[SCHEME_READS]; /* other names of the same headers, all or none; a request that has
                                           headers of both sets is refused */
    const char *mark; /* text before the signature; NULL: "", or with SCHEME_PREFIX the rule's */
    enum secret_key_algorithm algorithm; /* of the MAC; with SCHEME_ALGORITHM the rule's default */
    enum encoding encoding;              /* of the signature; with SCHEME_ENCODING the rule's default */
    enum scheme_challenge challenge;
    bool needs_id_rule;                               /* the source must set "id": no provider defines one */
    struct event_id_rule id[SCHEME_ID_RULES_MAX + 1]; /* default when the source sets none; ends in
                                                         EVENT_ID_END; empty with needs_id_rule */
    /* Default when the source sets none. "first" when the signature does not cover the id: otherwise a
     * captured request, sent with another event's id, could replace that event. */
    enum envelope_keep keep;
    struct scheme_sent sent;
};

/* The number of schemes: all values of enum verify_scheme are lower. */
#define SCHEME_ONE(...) +1
enum { SCHEME_COUNT = 0 SCHEMES(SCHEME_ONE) };
#undef SCHEME_ONE

/* The scheme with this name; NULL when there is none. Static. */
const struct scheme *scheme_named(struct span name);
/* Never NULL. Static. */
const struct scheme *scheme_of(enum verify_scheme scheme);
/* Appends all names: "none, standard, ...". */
void scheme_names(struct buf *out);
/* A rule of this scheme with its default tolerance (0 when a timestamp must be declared), algorithm and
 * encoding, and without secrets. */
struct verify_rule scheme_rule(const struct scheme *scheme);
/* The header that the rule's scheme reads this from, for request_find; NULL when it reads none. Owned by the
 * rule, or static. */
const char *scheme_header(const struct verify_rule *rule, enum scheme_reads what);
/* Its other name, or NULL. Static. */
const char *scheme_other_header(const struct verify_rule *rule, enum scheme_reads what);
/* The text before the signature or secret in that header; "" when there is none. Owned by the rule, or
 * static. */
const char *scheme_mark(const struct verify_rule *rule);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_DECLARATION_H
#define SLUICE_GATEWAY_VERIFY_DECLARATION_H

/* What the routes file declares for the schemes hmac, ed25519 and ecdsa: the parts of the signed content,
 * where the time and the signature are, and how the text of a secret becomes a key. */

#include "buf.h"
#include "error.h"
#include "timestamp.h"

#define DECLARATION_PARTS_MAX 16 /* Adyen's eight values and seven colons are 15 */

/* X(enumerator, name): the parts that have a name. Each may be declared once. */
#define DECLARATION_PARTS(X)                                                                               \
    X(DECLARATION_TIME, "time")     /* as the request has it */                                            \
    X(DECLARATION_ID, "id")         /* the value of the header that the source's id rule names */          \
    X(DECLARATION_METHOD, "method") /* as sent */                                                          \
    X(DECLARATION_URL, "url")       /* scheme, host, path, and the query after a '?' unless it is empty */ \
    X(DECLARATION_HOST, "host")     /* with the port, if there is one */                                   \
    X(DECLARATION_PATH, "path")     /* undecoded, without the query */                                     \
    X(DECLARATION_QUERY, "query")   /* undecoded, without '?' */                                           \
    X(DECLARATION_BODY, "body")

#define DECLARATION_ENUMERATOR(enumerator, name) enumerator,
enum declaration_kind {
    DECLARATION_PARTS(DECLARATION_ENUMERATOR) DECLARATION_TEXT, /* literal text */
    DECLARATION_HEADER,                                         /* the value of a header */
    DECLARATION_POINTER,                                        /* a string or number within the body */
};
#undef DECLARATION_ENUMERATOR

/* How the text of a secret becomes the bytes of a key. */
enum declaration_secret { DECLARATION_SECRET_TEXT, DECLARATION_SECRET_BASE64, DECLARATION_SECRET_HEX };

struct declaration_part {
    enum declaration_kind kind;
    char *text; /* the literal text; the header's name in lower case, also of DECLARATION_ID; the pointer;
                   else NULL */
};

/* Texts are from malloc and owned; NULL when not declared. Zero: the body is signed, and the whole signature
 * header is one signature. */
struct declaration {
    struct declaration_part parts[DECLARATION_PARTS_MAX];
    size_t part_count;
    char *time_header;  /* the header with the time, in lower case */
    char *time_field;   /* or the field of the signature header with the time */
    char *time_pointer; /* or the JSON pointer to the time within the body */
    enum timestamp_unit unit;
    char *field;   /* the field of the signature header that holds a signature; it may occur several times */
    char *pointer; /* the JSON pointer to the signature within the body, which is then in no header */
    /* With an item 0 of an array in `pointer`: the pointer to its item 1. A signature for one item covers no
     * other, so a body that has one is refused. */
    char *next_item;
    enum declaration_secret secret;
    char *secret_prefix; /* removed before a secret is decoded; required in each */
};

/* True when one of the parts is of this kind. Pure. */
bool declaration_has(const struct declaration *declaration, enum declaration_kind kind);
/* Appends the key that the secret's text means. Returns NULL, or what is wrong with the text as the end of a
 * sentence, which never repeats it. Check key->failed. The caller wipes the key. */
MUST_CHECK const char *declaration_key(const struct declaration *declaration, struct span secret,
                                       struct buf *key);
/* Appends what is signed, for people: time, ":", body. */
void declaration_append(const struct declaration *declaration, struct buf *out);
/* Frees the texts. */
void declaration_free(struct declaration *declaration);

#endif

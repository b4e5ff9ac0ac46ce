/* SPDX-License-Identifier: MIT */
#include "schemes.h"

#define ID(kind, text, else_body)       \
    {                                   \
        EVENTID_##kind, text, else_body \
    }
#define SECRETLY .needs_secret = true
#define ASKS_FOR_ID .needs_id_rule = true, .id = ID(ANY, NULL, false)
#define FIRST .keep = ENVELOPE_KEEP_FIRST
#define NEWEST .keep = ENVELOPE_KEEP_NEWEST

static const struct scheme schemes[] = {
    {"none", VERIFY_NONE, 0, 0, .id = ID(ANY, NULL, false), NEWEST},
    {"standard", VERIFY_STANDARD, SCHEME_TOLERANCE, 0, SECRETLY, .id = ID(HEADER, "webhook-id", false),
     NEWEST},
    {"github", VERIFY_GITHUB, 0, 0, SECRETLY, .id = ID(HEADER, "x-github-delivery", false), FIRST},
    {"stripe", VERIFY_STRIPE, SCHEME_TOLERANCE, 0, SECRETLY, .id = ID(POINTER, "/id", false), NEWEST},
    /* Commands and interactions have no event_id. */
    {"slack", VERIFY_SLACK, SCHEME_TOLERANCE, 0, SECRETLY, .id = ID(POINTER, "/event_id", true), NEWEST},
    {"shopify", VERIFY_SHOPIFY, 0, 0, SECRETLY, .id = ID(HEADER, "x-shopify-webhook-id", false), FIRST},
    /* Never MessageSid: queued, sent and delivered share it. */
    {"twilio", VERIFY_TWILIO, 0, 0, SECRETLY, .id = ID(HEADER, "i-twilio-idempotency-token", true), FIRST},
    {"gitlab", VERIFY_GITLAB, 0, 0, SECRETLY, .id = ID(HEADER, "idempotency-key", true), FIRST},
    {"meta", VERIFY_META, SCHEME_VERIFY_TOKEN, 0, SECRETLY, .id = ID(BODY, NULL, false), NEWEST},
    {"zoom", VERIFY_ZOOM, SCHEME_TOLERANCE, 0, SECRETLY, .id = ID(BODY, NULL, false), NEWEST},
    {"hmac", VERIFY_HMAC, SCHEME_HEADER | SCHEME_ALGORITHM | SCHEME_ENCODING | SCHEME_PREFIX, SCHEME_HEADER,
     SECRETLY, ASKS_FOR_ID, FIRST},
    {"bearer", VERIFY_BEARER, 0, 0, SECRETLY, ASKS_FOR_ID, FIRST},
    {"basic", VERIFY_BASIC, SCHEME_USER, SCHEME_USER, SECRETLY, ASKS_FOR_ID, FIRST},
    {"header", VERIFY_HEADER, SCHEME_HEADER, SCHEME_HEADER, SECRETLY, ASKS_FOR_ID, FIRST},
};

#define SCHEMES (sizeof schemes / sizeof schemes[0])

const struct scheme *scheme_named(struct span name)
{
    for (size_t i = 0; i < SCHEMES; i++) {
        if (span_equal(name, span_of(schemes[i].name))) {
            return &schemes[i];
        }
    }
    return NULL;
}

const struct scheme *scheme_of(enum verify_scheme scheme)
{
    const struct scheme *found = &schemes[0];

    for (size_t i = 0; i < SCHEMES; i++) {
        found = schemes[i].scheme == scheme ? &schemes[i] : found;
    }
    return found;
}

void scheme_names(struct buf *out)
{
    for (size_t i = 0; i < SCHEMES; i++) {
        buf_printf(out, "%s%s", i > 0 ? ", " : "", schemes[i].name);
    }
}

struct verify_rule scheme_rule(const struct scheme *scheme)
{
    return (struct verify_rule){
        .scheme = scheme->scheme,
        .tolerance_s = (scheme->takes & SCHEME_TOLERANCE) != 0 ? SCHEME_TOLERANCE_S : 0,
        .algorithm = scheme->scheme == VERIFY_TWILIO ? KEY_SHA1 : KEY_SHA256,
        .encoding = ENCODING_HEX,
    };
}

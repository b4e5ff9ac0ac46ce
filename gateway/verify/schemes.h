/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_SCHEMES_H
#define SLUICE_GATEWAY_VERIFY_SCHEMES_H

/* What each scheme of verification is called, what may and must be set for it, and where its
 * provider puts an event's id. One table, for the routes file, `sluice check` and `sluice send`. */

#include "envelope.h"
#include "gateway/event/event_id.h"
#include "verify.h"

#define SCHEME_TOLERANCE_S 300

/* The members of a routes file's "verify", beside scheme and secrets, that a scheme may take. */
enum scheme_member {
    SCHEME_TOLERANCE = 1,
    SCHEME_HEADER = 2,
    SCHEME_ALGORITHM = 4,
    SCHEME_ENCODING = 8,
    SCHEME_PREFIX = 16,
    SCHEME_USER = 32,
    SCHEME_VERIFY_TOKEN = 64,
};

struct scheme {
    const char *name;
    enum verify_scheme scheme;
    unsigned takes;         /* of enum scheme_member; SCHEME_TOLERANCE: it has a time */
    unsigned needs;         /* of those it takes, what has no default */
    bool needs_secret;      /* at least one; false: takes none */
    bool needs_id_rule;     /* the source must name one, for no provider stands behind the scheme */
    struct eventid_rule id; /* when the source names none */
    /* When the source names none: first where the id isn't under the signature, so that a captured
     * request can't replace another event by its id. */
    enum envelope_keep keep;
};

/* NULL: there is no such scheme. Static. */
const struct scheme *scheme_named(struct span name);
/* Never NULL. Static. */
const struct scheme *scheme_of(enum verify_scheme scheme);
/* Appends the names of all: "none, standard, ...". */
void scheme_names(struct buf *out);
/* A rule of this scheme with its defaults: tolerance, algorithm, encoding; no secrets yet. */
struct verify_rule scheme_rule(const struct scheme *scheme);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SEND_MEMBERS_H
#define SLUICE_CTL_SEND_MEMBERS_H

/* A source that is declared on the command line, with the text that a routes file would have. The modules of
 * the routes file read it. */

#include "route.h"

struct members_options {
    const char *scheme;
    const char *members; /* of "verify", with or without braces around them; no scheme, no secrets */
    const char *id;      /* the value of "id"; NULL: the header webhook-id, or the scheme's */
};

/* Makes a route without a name, path and secret. False after complaints, one line each. route must be zeroed,
 * and be freed with route_close in either case. */
MUST_CHECK bool members_open(struct route *route, const struct members_options *options,
                             struct buf *complaints);

#endif

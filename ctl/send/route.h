/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SEND_ROUTE_H
#define SLUICE_CTL_SEND_ROUTE_H

/* A source of the routes file, so that an event can be sent to it as its provider would. */

#include "gateway/sources/source.h"

struct route {
    struct routes *routes;
    struct source *source; /* one of routes; its rule has no keys */
    /* Where its first secret is; NULL: the scheme has none, or it is in the other. */
    char *secret_file, *secret_env;
    struct buf method; /* POST if the source allows it, else one that it allows */
};

/* Finds the source `name` in the routes file. Reads no secret. False after complaints, one line each: the
 * file is not valid, or has no such source; then the names that it has are listed. route must be zeroed, and
 * be freed in either case. */
MUST_CHECK bool route_open(struct route *route, const char *file, const char *name, struct buf *complaints);
void route_close(struct route *route);
/* ERROR_SETTING unless a request with this path, with or without a query, goes to the route's source. */
MUST_CHECK enum error_code route_check_path(const struct route *route, const char *path, struct error *error);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_QUERY_H
#define SLUICE_CTL_CONSOLE_QUERY_H

/* The parameters of a URL's query or of a posted form (application/x-www-form-urlencoded). Pure. */

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

#define QUERY_PAIRS_MAX 32

/* Zero-initialise. */
struct query {
    struct buf text; /* backs the pairs */
    struct {
        const char *name, *value;
    } pairs[QUERY_PAIRS_MAX];
    size_t count;
};

/* Reads text, which is without '?'. Returns false when it has over QUERY_PAIRS_MAX pairs, a '%' without two
 * hex digits, or a value that is not text (lib/buf's span_is_text). The caller frees *query with query_free,
 * also then. */
bool query_read(struct query *query, struct span text);
/* The value of the first pair with this name; NULL when there is none or it is empty. Owned by query. */
const char *query_get(const struct query *query, const char *name);
void query_free(struct query *query);

/* Appends a parameter to a URL, with '?' or '&' before it. value NULL or "": appends nothing. */
void query_append(struct buf *url, const char *name, const char *value);

#endif

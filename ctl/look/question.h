/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LOOK_QUESTION_H
#define SLUICE_CTL_LOOK_QUESTION_H

/* The SQL of a search, with its parameters. Only what is asked for becomes a condition, so that Postgres can
 * use its indexes. */

#include "buf.h"
#include "cursor.h"
#include "error.h"
#include "search.h"

#include <libpq-fe.h>

#define QUESTION_PARAMETERS_MAX 40

/* Zero-initialise; free with question_free. */
struct question {
    struct buf sql;
    struct buf texts[QUESTION_PARAMETERS_MAX];
    int count;
};

/* The bounds of one step of a search. */
struct question_bounds {
    const struct cursor *after; /* events after this one in the order; NULL: from the first */
    const struct cursor *last;  /* up to this one; NULL: no bound */
    int64_t now_us;             /* to which ages refer */
    bool oldest_first;          /* the order is reversed */
};

/* Asks for the events of the page (enum search_column), at most `limit`. narrow: few events have the id's
 * prefix, so that they are found by it. */
void question_page(struct question *q, const struct search *s, const struct question_bounds *bounds,
                   int64_t limit, bool narrow);
/* Asks how many events match that have a body, how many bytes those are, and how many have none any more.
 * What the search says of the payload can't be known of these: they count. */
void question_count(struct question *q, const struct search *s, const struct question_bounds *bounds);
/* Asks for these columns of all matching events within the bounds that have a body. columns: SQL, with w for
 * the table. */
void question_bodies(struct question *q, const struct search *s, const struct question_bounds *bounds,
                     const char *columns);
/* Asks how many events have the id's prefix, at most SEARCH_NARROW + 1. */
void question_prefix(struct question *q, const struct search *s);
/* Runs it. Result and errors as for database_query. */
MUST_CHECK enum error_code question_ask(struct question *q, PGconn *database, PGresult **result,
                                        struct error *error);
void question_free(struct question *q);
/* Asks by itself for the event `step` events further, or for the last one, among those of the search's source
 * and times. Appends its key to `last`, which must be empty; *count: how many events further it is, 0: there
 * is none. most_bytes: of their bodies together, but the first counts whatever its size; 0: no limit. Errors
 * as for database_query. */
MUST_CHECK enum error_code question_step(PGconn *database, const struct search *s,
                                         const struct question_bounds *bounds, int64_t step,
                                         int64_t most_bytes, struct cursor *last, int64_t *count,
                                         struct error *error);

#endif

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
};

/* Asks for the key (microseconds, id, source) and the number of the event `step` events further, or of the
 * last one, among those of the search's source and times. */
void question_step(struct question *q, const struct search *s, const struct question_bounds *bounds,
                   int64_t step);
/* Asks for the events of the page (enum search_column), at most `limit`. narrow: few events have the id's
 * prefix, so that they are found by it. */
void question_page(struct question *q, const struct search *s, const struct question_bounds *bounds,
                   int64_t limit, bool narrow);
/* Asks how many events have the id's prefix, at most SEARCH_NARROW + 1. */
void question_prefix(struct question *q, const struct search *s);
/* Runs it. Result and errors as for database_query. */
MUST_CHECK enum error_code question_ask(struct question *q, PGconn *database, PGresult **result,
                                        struct error *error);
void question_free(struct question *q);

#endif

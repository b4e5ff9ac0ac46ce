/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LOOK_SEARCH_H
#define SLUICE_CTL_LOOK_SEARCH_H

/* Searches the stored events, newest first, a page at a time. The order is (received_at, id, source), which
 * is total: a page begins where the last one ended, whatever has been stored meanwhile.
 *
 * Source and times are found by an index, and so is a prefix of an id that at most SEARCH_NARROW events have.
 * For all else, events are looked at one after another, in steps that take under a second each, until the
 * page is full or `most` events have been looked at. So no question reads a big table whole. */

#include "buf.h"
#include "error.h"
#include "json_path.h"
#include "moment.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEARCH_NARROW 5000
#define SEARCH_PATHS_MAX 8

struct search {
    const char *source, *id_prefix, *path_prefix; /* NULL: any */
    struct moment since, until;                   /* received_at: since <= it < until */
    struct json_path paths[SEARCH_PATHS_MAX];     /* all must fit */
    size_t path_count;
    const char *after; /* the cursor of the page before; NULL: the first page */
    int64_t limit;     /* events on a page */
    int64_t most;      /* events to look at */
    int64_t time_us;   /* that a page may take, beside its last step */
};

/* Columns of a page's rows. */
enum search_column {
    SEARCH_RECEIVED, /* times are text in RFC 3339 */
    SEARCH_SOURCE,
    SEARCH_ID,
    SEARCH_METHOD,
    SEARCH_PATH,
    SEARCH_BODY_BYTES,
    SEARCH_CONTENT_TYPE,
    SEARCH_FIRST_RECEIVED,
    SEARCH_STORED,
    SEARCH_ORDER,       /* null: it has none */
    SEARCH_EXPIRED,     /* when the body expired; null: it is there */
    SEARCH_RECEIVED_US, /* since 1970 */
};

/* One page. Zero-initialise; free with search_free. */
struct search_page {
    PGresult *rows;         /* NULL when there is none */
    int64_t looked;         /* at so many events, or fewer */
    bool complete;          /* nothing is left: the page is the last one */
    bool tired;             /* ended because of the time that a page may take */
    int64_t from_us, to_us; /* looked at events received from .. up to: since 1970; SEARCH_OPEN: no bound */
    struct buf cursor;      /* for the next page; empty when complete */
};

#define SEARCH_OPEN INT64_MIN

/* Finds a page over a connection of reader_open. ERROR_MALFORMED: `after` is not a cursor; other errors as
 * for database_query: then the page has what was found before. */
MUST_CHECK enum error_code search_run(const struct search *search, PGconn *database, struct search_page *page,
                                      struct error *error);
/* Appends in one line how many events were found, and among which. */
void search_append_summary(const struct search_page *page, struct buf *out);
void search_free(struct search_page *page);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LOOK_PLACES_H
#define SLUICE_CTL_LOOK_PLACES_H

/* Where the database has an event: its row, and its dead letters. */

#include "error.h"

#include <libpq-fe.h>

/* The result of places_ask; times are text in RFC 3339. Zero-initialise. */
struct places {
    PGresult *stored; /* one row for each source, at most PLACES_MOST */
    PGresult *dead;   /* newest first, at most PLACES_MOST */
};

#define PLACES_MOST 100

/* Columns of `stored`. */
enum place_stored {
    STORED_SOURCE,
    STORED_ID,
    STORED_FIRST_RECEIVED,
    STORED_RECEIVED, /* of the body that the row has */
    STORED_AT,       /* when the row was last changed */
    STORED_STATE,    /* "stored", or "replaced": the body is of a later arrival than the first */
    STORED_AFTER_MS, /* from received to the last change */
    STORED_METHOD,
    STORED_PATH,
    STORED_CONTENT_TYPE,
    STORED_BODY_BYTES, /* of the body, whether it is there or has expired */
    STORED_SHA256,
    STORED_ORDER,   /* null: it has none */
    STORED_EXPIRED, /* when the body expired; null: it is there */
};

/* Columns of `dead`. */
enum place_dead {
    DEAD_ID,
    DEAD_SOURCE,
    DEAD_EVENT,
    DEAD_RECEIVED,
    DEAD_DIED,
    DEAD_VERDICT,
    DEAD_SQLSTATE,
    DEAD_ATTEMPTS,
    DEAD_REASON,
    DEAD_WORKER,
    DEAD_METHOD,
    DEAD_PATH,
    DEAD_CONTENT_TYPE,
    DEAD_BODY_BYTES,
    DEAD_SHA256,
    DEAD_ORDER,
};

/* Looks the event up by indexes in both tables, over a connection of reader_open. source NULL: of every
 * source that has this id. Errors as for database_query. The caller calls places_free, also after an error.
 */
MUST_CHECK enum error_code places_ask(struct places *places, PGconn *database, const char *id,
                                      const char *source, struct error *error);
void places_free(struct places *places);

#endif

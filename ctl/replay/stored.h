/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_REPLAY_STORED_H
#define SLUICE_CTL_REPLAY_STORED_H

/* The stored events of a replay, oldest first, a window at a time. An index finds their source and their
 * time; for all else each event of these is looked at, in steps that a statement's time limit allows. */

#include "ctl/look/cursor.h"
#include "ctl/look/search.h"
#include "error.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

/* Zero-initialise but for the first three; free with stored_free. */
struct stored {
    const struct search *search; /* with both times, which are no ages */
    PGconn *database;
    bool again;       /* for the workers: their messages are to be stored again */
    struct cursor at; /* the last event that was taken */
    bool begun;       /* false: none was */
};

struct stored_total {
    int64_t events, bytes; /* that can be replayed */
    int64_t expired;       /* whose bodies have been deleted */
};

/* Sets the session up, and reads the server's time, in microseconds since 1970. Errors as for database_query.
 */
MUST_CHECK enum error_code stored_begin(PGconn *database, int64_t *now_us, struct error *error);
/* Begins behind this cursor; "": with the first event. Returns false when it is none. */
MUST_CHECK bool stored_seek(struct stored *rows, const char *cursor);
/* Counts what is left, without taking it. Ends early, with what it has, when a drain is requested. */
MUST_CHECK enum error_code stored_count(const struct stored *rows, struct stored_total *total,
                                        struct error *error);
/* *left: whether an event is left, whether it matches or not. */
MUST_CHECK enum error_code stored_left(const struct stored *rows, bool *left, struct error *error);
/* Takes the next `most` events, fewer if their bodies are large. *window: those that match, as
 * ctl/republish/message reads them; the caller frees it with PQclear. *taken: how many were looked at; 0:
 * none is left. */
MUST_CHECK enum error_code stored_next(struct stored *rows, int64_t most, PGresult **window, int64_t *taken,
                                       struct error *error);
/* Appends the place of the last event that was taken. */
void stored_append_position(struct stored *rows, struct buf *out);
void stored_free(struct stored *rows);

#endif

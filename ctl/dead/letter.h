/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_DEAD_LETTER_H
#define SLUICE_CTL_DEAD_LETTER_H

/* Turns the row of a dead letter back into its message. */

#include "buf.h"
#include "envelope.h"
#include "error.h"

#include <cjson/cJSON.h>
#include <libpq-fe.h>

struct deadletter {
    const char *dead_id; /* a view into the result */
    struct span source;  /* a view into the result; the routing key */
    struct buf properties;
    unsigned char *body;
    size_t body_len;
};

/* Fills *letter from a row of deadtable_take. Its properties are a new envelope with attempt 0 and the
 * original order and received_at, so that a newer event still wins the merge; headers of the broker are left
 * out. ERROR_MALFORMED or ERROR_LIMIT: the row is not an envelope. The result must outlive the letter. The
 * caller must call deadletter_free, also after an error. */
MUST_CHECK enum error_code deadletter_read(struct deadletter *letter, const PGresult *result, int row,
                                           struct error *error);
void deadletter_free(struct deadletter *letter);

#endif

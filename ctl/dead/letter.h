/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_DEAD_LETTER_H
#define SLUICE_CTL_DEAD_LETTER_H

/* A dead letter read back from its row as the message that it was. */

#include "buf.h"
#include "envelope.h"
#include "error.h"

#include <cjson/cJSON.h>
#include <libpq-fe.h>

struct deadletter {
    const char *dead_id; /* a view into the result */
    struct span source;  /* likewise; the routing key */
    struct buf properties;
    unsigned char *body;
    size_t body_len;
};

/* Fills *letter from a row of deadtable_take: its properties are encoded anew with attempt 0, with the time
 * at which it was received (so the merge puts it where it belongs), and with no header of the broker's.
 * ERROR_MALFORMED or ERROR_LIMIT: it is no envelope. The result must outlive it; for deadletter_free in any
 * case. */
MUST_CHECK enum error_code deadletter_read(struct deadletter *letter, const PGresult *result, int row,
                                           struct error *error);
void deadletter_free(struct deadletter *letter);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_DEAD_ROW_H
#define SLUICE_CTL_DEAD_ROW_H

/* Turns a message that the broker has dead-lettered into a row of webhooks_dead. Postgres can store the row
 * whatever bytes the message has: invalid text is stored as bytes, or made valid. */

#include "broker.h"
#include "buf.h"
#include "error.h"
#include "table.h"

#include <stdbool.h>

struct deadrow {
    /* For PQexecParams; a NULL pointer is SQL null. Text values end with a NUL; body and properties are
     * binary. */
    const char *values[DEADROW_COLUMNS];
    int lengths[DEADROW_COLUMNS];
    int formats[DEADROW_COLUMNS];
    struct buf text;       /* owned: the text values, one after another */
    struct buf properties; /* owned: of a message that is not an envelope, without headers of the broker */
};

/* Fills *row with views into the delivery. deaths: the broker's x-death of the message that this is a part
 * of; empty: its own. sqlstate: "", or the SQLSTATE with which Postgres refused the row before; the reason is
 * then only that, without the broker's text. Returns ERROR_MEMORY on failure. The caller must call
 * deadrow_free, also after an error. Pure. */
MUST_CHECK enum error_code deadrow_make(struct deadrow *row, const struct broker_delivery *delivery,
                                        struct span deaths, const char *sqlstate, struct error *error);
void deadrow_free(struct deadrow *row);

#endif

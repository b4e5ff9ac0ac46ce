/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_DEAD_ROW_H
#define SLUICE_CTL_DEAD_ROW_H

/* A message that the broker gave up, as the row of webhooks_dead that it becomes. Whatever bytes the message
 * has, the row is one that Postgres takes: what isn't text goes as bytes, or is mended. */

#include "broker.h"
#include "buf.h"
#include "error.h"
#include "table.h"

#include <stdbool.h>

struct deadrow {
    /* For PQexecParams; NULL values are null. Texts have a NUL; body and properties are binary. */
    const char *values[DEADROW_COLUMNS];
    int lengths[DEADROW_COLUMNS];
    int formats[DEADROW_COLUMNS];
    struct buf text;       /* owned: the texts, one after another */
    struct buf properties; /* owned: those of a message that is no envelope, without what brokers add */
};

/* Fills *row, with views into the delivery. sqlstate: "", or what the row was refused with when it had the
 * broker's reason; then the reason is that alone. ERROR_MEMORY. For deadrow_free in any case. Pure. */
MUST_CHECK enum error_code deadrow_make(struct deadrow *row, const struct broker_delivery *delivery,
                                        const char *sqlstate, struct error *error);
void deadrow_free(struct deadrow *row);

#endif

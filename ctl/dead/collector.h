/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_DEAD_COLLECTOR_H
#define SLUICE_CTL_DEAD_COLLECTOR_H

/* Puts messages that the broker has dead-lettered into webhooks_dead, many in one transaction: a row for each
 * event, also for each of a bundle. */

#include "broker.h"

#include <libpq-fe.h>
#include <stdint.h>

#define COLLECTOR_NAME "dead collect"

/* Zero-initialise, but for the database. */
struct collector {
    PGconn *database;
    int64_t collected, there_already, left; /* events: new rows, rows that existed, refused ones */
    struct span deaths;                     /* the broker's record of a bundle, while its events are stored */
    bool begun;                             /* a transaction is open */
};

/* Stores what a message holds, in the open transaction or a new one. An event that the table refuses, or that
 * a later release wrote, is reported and counted as left. *stored: all of it is in the table; the caller may
 * ack it after the next collector_commit. Otherwise the whole message must stay in the queue: those of its
 * events that were stored are found there the next time. Errors as for database_query, or ERROR_MEMORY. */
MUST_CHECK enum error_code collector_store(struct collector *collector,
                                           const struct broker_delivery *delivery, bool *stored,
                                           struct error *error);
/* Commits the open transaction, if there is one. */
MUST_CHECK enum error_code collector_commit(struct collector *collector, struct error *error);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_UPSERT_H
#define SLUICE_UPSERT_H

/* The statements: the merge upsert of one event, its dead letter, and what they
 * answer. The merge is idempotent and commutative: whatever is delivered twice,
 * or in another order, ends in the same row. Of two arrivals the greatest (received_at, body),
 * compared as a row, wins (the least, for a source that keeps the first), and first_received_at is
 * the least ever seen. */

#include "buf.h"
#include "event.h"

#include <libpq-fe.h>

/* SQL that prepares the statements in a new session. It fails when a table is missing. */
extern const char upsert_statements[];
#define UPSERT_STATEMENTS_SIZE 8192 /* bytes that hold it */

/* Both send and never wait: the caller flushes and reads. False: the connection says why. */

/* One event. scratch is any buf, for the call only. */
MUST_CHECK bool upsert_send(PGconn *connection, const struct event *event, struct buf *scratch);
/* Its dead letter, with verdict, SQLSTATE and reason (of a plain one without the server's words); worker is a
 * name for people. A dead letter that stands already is left as it is. */
MUST_CHECK bool upsert_send_dead(PGconn *connection, const struct event *event, const char *worker,
                                 struct buf *scratch);
/* Whether commits from the next transaction on wait for the disk, as they do in a new session. */
MUST_CHECK bool upsert_send_wait_for_disk(PGconn *connection, bool wait);
/* A transaction that writes nothing but a mark in the write-ahead log: once its commit has waited for the
 * disk, all earlier ones are there, too. */
MUST_CHECK bool upsert_send_flush(PGconn *connection);
/* What upsert_send did, from its result: EVENT_STORED, EVENT_REPLACED or EVENT_UNCHANGED. */
enum event_state upsert_outcome(const PGresult *result);

#endif

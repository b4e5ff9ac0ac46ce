/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_UPSERT_H
#define SLUICE_UPSERT_H

/* The SQL statements: the merge upsert of one event or several, an event's dead letter, and their results.
 * The merge is idempotent and commutative: duplicates and any order of delivery end in the same row. Of two
 * arrivals the one with the greatest (order, received_at, body), compared as a row, wins, and no order is
 * less than any; for a source that keeps the first, the least (received_at, body). first_received_at is the
 * earliest ever seen. An event that is stored again (`sluice replay`) only touches the row that has its very
 * version, for its triggers to run. */

#include "buf.h"
#include "event.h"
#include "rows.h"

#include <libpq-fe.h>

/* Appends SQL that prepares the statements in a new session. It fails when a table or a column is missing. */
void upsert_append_statements(struct buf *out);

/* The functions below queue one statement and never block: the caller flushes and reads the result. They
 * return false on failure; PQerrorMessage says why. scratch is any buf, used only during the call. */

/* Sends the upsert of an event, or of as many as rows_run has said. */
MUST_CHECK bool upsert_send(PGconn *connection, struct event *const *events, size_t count, struct rows *rows,
                            struct buf *scratch);
/* Sends the dead letter of an event, with verdict, SQLSTATE and reason (without the server's message if the
 * event is plain). worker is this worker's name. An existing dead letter is left as it is. */
MUST_CHECK bool upsert_send_dead(PGconn *connection, const struct event *event, const char *worker,
                                 struct buf *scratch);
/* Sets whether commits wait for the disk (synchronous_commit), from the next transaction on. In a new session
 * they do. */
MUST_CHECK bool upsert_send_wait_for_disk(PGconn *connection, bool wait);
/* How long a statement may wait for a lock, and take. */
#define UPSERT_LOCK_TIMEOUT "2s"
#define UPSERT_STATEMENT_TIMEOUT "30s"
/* Sets these for the statements that follow, or shorter times: 500 ms, 5 s. In a new session they are full.
 */
MUST_CHECK bool upsert_send_time(PGconn *connection, bool is_short);
/* Sends a transaction that only writes a message to the write-ahead log. When its commit has waited for the
 * disk, all earlier commits are durable, too. */
MUST_CHECK bool upsert_send_flush(PGconn *connection);
/* SQL: whether a commit that has returned is on a standby. Any role may ask. That a standby is connected is
 * no condition: without one, commits don't return. */
#define UPSERT_IS_SYNCHRONOUS "current_setting('synchronous_standby_names') <> ''"
/* Asks for that. */
MUST_CHECK bool upsert_ask_synchronous(PGconn *connection);
/* The answer. */
bool upsert_is_synchronous(const PGresult *result);
/* Asks how many dead letters there are, by the server's statistics: this reads no row and waits for no lock.
 */
MUST_CHECK bool upsert_ask_dead_rows(PGconn *connection);
/* The answer; -1: not known. */
int64_t upsert_dead_rows(const PGresult *result);
/* Sets each event's state from the result of upsert_send: EVENT_STORED, EVENT_REPLACED (also for a row that
 * was touched) or EVENT_UNCHANGED. */
void upsert_outcomes(const PGresult *result, struct event *const *events, size_t count);

#endif

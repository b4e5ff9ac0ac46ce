/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_VERDICT_H
#define SLUICE_VERDICT_H

/* What a failure means for the event. The only file that knows SQLSTATEs. Pure. */

#include <stdbool.h>

#define SQLSTATE_SIZE 6 /* five characters and NUL */

enum verdict {
    VERDICT_TRANSIENT, /* a problem of the server, or an unknown outcome: try again after a wait */
    VERDICT_OPERATOR,  /* an operator must repair something: never a dead letter */
    VERDICT_LATER,     /* the event's fault, but it may succeed later, e.g. once its parent row exists */
    VERDICT_POISON,    /* the event's fault, permanent: a dead letter */
    VERDICT_UNCLEAR,   /* the outcome of other events decides: see verdict_settle */
};

/* Looks up the SQLSTATE alone. "" (the connection was lost without an answer) is VERDICT_TRANSIENT. */
enum verdict verdict_of(const char *sqlstate);
/* Decides what a failure means for the event whose statement failed. Never returns VERDICT_UNCLEAR.
 * others_stored: the worker has stored other events, of any source, since this event first failed, so neither
 * the server nor the table is at fault. alone: how often this event has failed in a transaction of its own.
 * With others stored, an unclear or operator failure is the event's fault (VERDICT_LATER); a timeout counts
 * only after one failure alone, and a transient failure after five. A locked row (lock_timeout) is never the
 * event's fault. */
enum verdict verdict_settle(const char *sqlstate, bool others_stored, unsigned alone);
/* True when the next statement would fail in the same way (disk full, server shutdown): the whole batch must
 * wait. False when only this statement may be affected. */
bool verdict_is_servers(const char *sqlstate);
/* True when a statement exceeded lock_timeout or statement_timeout. */
bool verdict_is_timeout(const char *sqlstate);
/* True when only a new connection can help: the server is read-only or the database is gone, as in a
 * failover. */
bool verdict_ends_session(const char *sqlstate);
/* True for "too many connections": the budget is used up. */
bool verdict_is_no_place(const char *sqlstate);
/* The name in rows and logs: "transient", "operator" ... */
const char *verdict_name(enum verdict verdict);

#endif

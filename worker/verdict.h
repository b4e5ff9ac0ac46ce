/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_VERDICT_H
#define SLUICE_VERDICT_H

/* What a failure means for the event. The only file that knows SQLSTATEs. Pure. */

#include <stdbool.h>

#define SQLSTATE_SIZE 6 /* five characters and NUL */

enum verdict {
    VERDICT_TRANSIENT, /* the server's trouble, or an unknown outcome: the same again, after a wait */
    VERDICT_OPERATOR,  /* somebody must repair something: never a dead letter */
    VERDICT_LATER,     /* the event's, and may cure itself: its parent row comes later */
    VERDICT_POISON,    /* the event's, for good: a dead letter */
    VERDICT_UNCLEAR,   /* only what became of others tells: see verdict_settle */
};

/* sqlstate "" (no answer: the connection was lost) is transient. */
enum verdict verdict_of(const char *sqlstate);
/* What it means for the event whose own statement failed, by the evidence there is; never
 * VERDICT_UNCLEAR. others_stored: other events, of whatever source, were stored since it first failed, so
 * that neither the server nor the table can be at fault. alone: how often it has failed in a transaction of
 * its own. With others stored, what is unclear or an operator's is the event's own (VERDICT_LATER): a timeout
 * from the first failure alone on, any other trouble of the server from the fifth on. A row that somebody has
 * locked is never the event's fault. */
enum verdict verdict_settle(const char *sqlstate, bool others_stored, unsigned alone);
/* True when the next statement would meet the same trouble (the disk is full, the server stops): the whole
 * batch waits. False when it may be this statement's own. */
bool verdict_is_servers(const char *sqlstate);
/* True for a statement that waited too long: for a lock, or by its own work. */
bool verdict_is_timeout(const char *sqlstate);
/* True when only another connection can help: the server has become read-only or the database is
 * gone, as at a failover. */
bool verdict_ends_session(const char *sqlstate);
/* True for "too many connections": the budget is used up, no place yet. */
bool verdict_is_no_place(const char *sqlstate);
/* For rows and logs: "transient", "operator" ... */
const char *verdict_name(enum verdict verdict);

#endif

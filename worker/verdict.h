/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_VERDICT_H
#define SLUICE_VERDICT_H

/* What a failure means for the event. The only file that knows SQLSTATEs. Pure. */

#include <stdbool.h>

#define SQLSTATE_SIZE 6 /* five characters and NUL */

enum verdict {
    VERDICT_TRANSIENT, /* the server's trouble, or an unknown outcome: the same again, after a wait */
    VERDICT_OPERATOR,  /* somebody must repair something: pause, alarm, never a dead letter */
    VERDICT_LATER,     /* the event's, and may cure itself: its parent row comes later */
    VERDICT_POISON,    /* the event's, for good: a dead letter */
    VERDICT_UNCLEAR,   /* the neighbours tell: see verdict_settle */
};

/* sqlstate "" (no answer: the connection was lost) is transient. */
enum verdict verdict_of(const char *sqlstate);
/* Turns VERDICT_UNCLEAR into another one, once it is known whether another event of the same
 * source was stored in the one-by-one run: then the fault is the event's own. Others
 * are returned as they are. */
enum verdict verdict_settle(const char *sqlstate, bool neighbour_stored);
/* True for "too many connections": the budget is used up, no place yet. */
bool verdict_is_no_place(const char *sqlstate);
/* For rows and logs: "transient", "operator" ... */
const char *verdict_name(enum verdict verdict);

#endif

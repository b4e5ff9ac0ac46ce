/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_KEEP_BODIES_INDEX_H
#define SLUICE_CTL_KEEP_BODIES_INDEX_H

/* The index that finds the bodies that are still there, of a source and by time. Without it each run would
 * look at every row whose body has expired long ago. Only who lets bodies expire pays for it. */

#include "error.h"

#include <libpq-fe.h>

/* When a body that is there came. It is an expression so that no other index can serve it: the planner takes
 * "old" and "has a body" for independent, expects old bodies wherever rows are old, and with the bare
 * received_at it would read all those rows in the order of their time. */
#define BODIES_INDEX_TIME "(case when body is not null then received_at end)"

/* Makes the index unless it is there, while events go on being stored; one that an interrupted build or a
 * release with another definition has left is made anew. Only one process may do this at a time. Errors as
 * for patient_query. */
MUST_CHECK enum error_code bodies_index_make(PGconn *database, struct error *error);

#endif

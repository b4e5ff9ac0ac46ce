/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_STANDSTILL_H
#define SLUICE_WORKER_STANDSTILL_H

/* Notices when the worker consumes nothing, since it holds all that it may and nothing of it is stored. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialise. */
struct standstill {
    int64_t full_since_us; /* 0: it isn't full */
};

/* Call at each turn. full: it holds all that it may. stored_us: when something was last stored; 0: never.
 * Returns true when that has been so for 30 s, as long as the slowest statement may take. */
bool standstill_look(struct standstill *s, bool full, int64_t stored_us, int64_t now_us);

#endif

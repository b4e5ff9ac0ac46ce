/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_UNVERIFIED_H
#define SLUICE_GATEWAY_VERIFY_UNVERIFIED_H

/* What became of requests that verification refused: each is counted by its cause in
 * sluice_gateway_unverified_total, and told in the log, since the sender isn't. */

#include "verify.h"

/* Before threads start. */
void unverified_register(void);
/* Counts it, and logs it at debug; per cause at most once in 10 s at warning, with how many there
 * were. No header value gets into the log. Any thread. */
void unverified_record(enum verify_cause cause, struct span source, struct span remote);

#endif
